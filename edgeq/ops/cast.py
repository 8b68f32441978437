"""Cast: the numbers of a tensor as another type, as C converts them; codes are plain numbers.

LiteRT looks at no scale here, and neither does this: integers that do not fit keep their low bits,
what is not 0 becomes true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import flips, require_counts
from edgeq.ops.base import Arrays, Op, register, require


@register("cast")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast(Op):
    """Input: x of any type but float32. Output: the same shape, any type.

    ``offset`` is added to each number first: what brings int8 codes back to the uint8 codes that
    a file speaks of.
    """

    COMPUTES: ClassVar[bool] = False

    offset: int = 0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` for real numbers, or an offset that no flip gives."""
        require_counts(self, io, 1)
        require(self, not io.x.dtype.is_float, "casts float32, whose conversion C leaves open")
        narrow = any(tensor.dtype is DType.INT8 for tensor in (io.x, io.y))
        known = self.offset == 0 or (abs(self.offset) == 128 and narrow)
        require(self, known, f"offset {self.offset} between {io.x.dtype.value} and others")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation between the numbers that the uint8 codes were."""
        return replace(self, offset=128 * (flips(io.x) - flips(io.y)))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Convert each number."""
        with np.errstate(over="ignore"):
            moved = arrays[0].astype(np.int64) + self.offset
            return (moved.astype(io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Convert each number."""
        return self.evaluate(io, arrays)
