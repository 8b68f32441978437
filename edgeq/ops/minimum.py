"""The smaller of two arrays, element by element with broadcasting.

Codes are compared as they are: LiteRT asks for one scale in its specification, and looks at none
when it runs. Of two bools it is the conjunction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops._extreme import Extreme
from edgeq.ops.base import Arrays, register


@register("minimum")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Minimum(Extreme):
    """Inputs: two arrays that broadcast as in NumPy. Output: the smaller of each pair."""

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compare codes."""
        return (np.minimum(arrays[0], arrays[1]),)
