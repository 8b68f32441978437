"""The largest element along some axes, in the same code; of bools whether one is true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops._largest import ExtremeElement
from edgeq.ops.base import Arrays, register


@register("reduce_max")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReduceMax(ExtremeElement):
    """Input: x of any type and rank. Output: x without ``axes``, or with extents of 1 there."""

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compare codes."""
        return (np.asarray(arrays[0].max(axis=self.axes)).reshape(io.y.shape),)
