"""Shape: the extents of a tensor, as numbers. Constant folding makes it a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import require_counts
from edgeq.ops.base import Arrays, Op, register, require


@register("shape")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapeOf(Op):
    """Input: x of any type. Output: its extents, [rank] int32 or int64."""

    COMPUTES: ClassVar[bool] = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless the output holds 32- or 64-bit integers."""
        require_counts(self, io, 1)
        integer = io.y.dtype in (DType.INT32, DType.INT64)
        require(self, integer, f"output is {io.y.dtype.value}, expected int32 or int64")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the rank of the input, as a shape."""
        return ((len(io.x.shape),),)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the extents."""
        return (np.array(io.x.shape, io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the extents."""
        return self.evaluate(io, arrays)
