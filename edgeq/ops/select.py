"""Select: from each pair of elements the one that a condition names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import Movement, flips, require_counts
from edgeq.ops.base import Arrays, Op, register, require


@register("select")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Select(Movement):
    """Inputs: bool, x, and z, all of one shape. Output: x where the first is true, else z."""

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require_counts(self, io, 3)
        which, x, z = io.ins
        require(self, which.dtype is DType.BOOL, f"condition is {which.dtype.value}, expected bool")
        require(self, which.shape == x.shape == z.shape, "condition and choices differ in shape")
        found = {x.dtype, z.dtype, io.y.dtype}
        names = " and ".join(sorted(dtype.value for dtype in found))
        require(self, len(found) == 1, f"choices and output are {names}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (io.x.shape,)

    def flipped(self, io: Operands) -> Op | None:
        """Return the same operation: codes move unseen."""
        return self if len({flips(tensor) for tensor in (*io.ins[1:], io.y)}) == 1 else None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy what is chosen."""
        return (np.where(arrays[0], arrays[1], arrays[2]),)
