"""Reshape: the same elements in the same order under another shape.

Also what squeeze, expand_dims and flatten are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape, elements
from edgeq.ops._movement import Movement, require_counts, require_one_type
from edgeq.ops.base import Arrays, register, require


@register("reshape")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reshape(Movement):
    """Input: x of any shape. Output: ``shape``, which has as many elements."""

    shape: Shape

    VIEW: ClassVar[bool] = True

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when the number of elements or the type changes."""
        require_counts(self, io, 1)
        require_one_type(self, io)
        same = elements(self.shape) == io.x.elements and min(self.shape, default=1) > 0
        require(self, same, f"shape {io.x.shape} cannot become {self.shape}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return ``shape``."""
        return (self.shape,)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy under the new shape."""
        return (arrays[0].reshape(self.shape).copy(),)
