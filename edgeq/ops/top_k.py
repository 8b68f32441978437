"""The largest elements of each row, largest first, or where they stand; of equal ones the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import Movement, flips_together, require_counts
from edgeq.ops.base import Arrays, Op, register, require


@register("top_k")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopK(Movement):
    """Input: x [..., L] of numbers. Output: [..., ``count``], of x's type.

    With ``places`` the output holds their indices instead, as int32.
    """

    count: int
    places: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require_counts(self, io, 1)
        require(self, io.x.dtype is not DType.BOOL, "input is bool, expected numbers")
        wanted = DType.INT32 if self.places else io.x.dtype
        found = f"output is {io.y.dtype.value}, expected {wanted.value}"
        require(self, io.y.dtype is wanted, found)
        length = io.x.shape[-1] if io.x.shape else 0
        fits = 0 < self.count <= length
        require(self, fits, f"{self.count} of the {length} elements of a row")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape with ``count`` elements to a row."""
        return ((*io.x.shape[:-1], self.count),)

    def flipped(self, io: Operands) -> Op | None:
        """Return the same operation: a flip keeps the order of codes, and indices are none."""
        return self if self.places or flips_together(io) else None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Sort each row."""
        x = arrays[0]
        # Sorted backwards, the last of equal elements is the first one.
        order = x.shape[-1] - 1 - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
        order = order[..., : self.count]
        found = order if self.places else np.take_along_axis(x, order, axis=-1)
        return (np.ascontiguousarray(found, io.y.dtype.numpy),)
