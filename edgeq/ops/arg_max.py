"""The index of the largest or smallest element along one axis; of equal ones the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops.base import Arrays, Op, register, require

_IN = (DType.INT8, DType.UINT8, DType.INT32, DType.FLOAT32)
_OUT = (DType.INT32, DType.INT64)


@register("arg_max")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArgMax(Op):
    """Input: x of any rank. Output: x's shape without ``axis``, int32 or int64."""

    COMPUTES = False

    axis: int
    smallest: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require(self, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
        rank = len(io.x.shape)
        require(self, 0 <= self.axis < rank, f"axis {self.axis} of {rank} dimensions")
        for tensor, allowed in ((io.x, _IN), (io.y, _OUT)):
            names = ", ".join(dtype.value for dtype in allowed)
            found = tensor.dtype.value
            fits = tensor.dtype in allowed
            require(self, fits, f"tensor '{tensor.name}' is {found}, expected one of {names}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape without the axis."""
        return (io.x.shape[: self.axis] + io.x.shape[self.axis + 1 :],)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the indices."""
        find = np.argmin if self.smallest else np.argmax
        return (np.asarray(find(arrays[0], axis=self.axis), io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the indices."""
        return self.evaluate(io, arrays)
