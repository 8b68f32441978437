"""Gather: slices of a tensor along one dimension, in the order that indices say.

LiteRT refuses to run with an index outside the tensor. A constant one is refused when the model is
read; one that is computed counts as the nearest that exists, so that no memory beside the tensor
is ever read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import Movement, flips, require_axis, require_counts
from edgeq.ops.base import Arrays, Op, register, require


@register("gather")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gather(Movement):
    """Inputs: x, int32 or int64 indices of any shape. Output: x with theirs in place of ``axis``.

    Indices count from 0; computed ones are int32.
    """

    axis: int

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit or a constant index is outside."""
        require_counts(self, io, 2)
        x, indices = io.ins
        same = io.y.dtype is x.dtype
        require(self, same, f"output is {io.y.dtype.value}, expected {x.dtype.value}")
        require_axis(self, self.axis, len(x.shape))
        wide = indices.dtype is DType.INT64 and indices.is_constant
        integer = indices.dtype is DType.INT32 or wide
        require(self, integer, f"indices are {indices.dtype.value}, expected int32")
        if indices.is_constant:
            extent, found = x.shape[self.axis], indices.array
            inside = bool(((found >= 0) & (found < extent)).all())
            require(self, inside, f"an index is not in 0..{extent - 1}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shape of x with that of the indices in place of ``axis``."""
        x, indices = (tensor.shape for tensor in io.ins)
        return ((*x[: self.axis], *indices, *x[self.axis + 1 :]),)

    def flipped(self, io: Operands) -> Op | None:
        """Return the same operation: indices are no codes."""
        return self if flips(io.x) is flips(io.y) else None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy slice by slice."""
        return (np.take(arrays[0], arrays[1], axis=self.axis, mode="clip"),)
