"""Pad: a border of one value round a tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement, flips, flips_together, require_counts, require_one_type
from edgeq.ops.base import Arrays, Op, register, require


@register("pad")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pad(Movement):
    """Input: x. Output: x with ``paddings[i]`` = (before, after) elements in dimension i.

    ``value`` is what they hold: a code of the output, not a real number. LiteRT's PAD takes the
    output's zero point, its PADV2 a constant that must have the output's zero point.
    """

    paddings: tuple[tuple[int, int], ...]
    value: int | float = 0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` for negative paddings or a value outside the type."""
        require_counts(self, io, 1)
        require_one_type(self, io)
        rank = len(io.x.shape)
        require(self, len(self.paddings) == rank, f"{len(self.paddings)} paddings of {rank}")
        for before, after in self.paddings:
            require(self, min(before, after) >= 0, f"padding ({before}, {after}) is negative")
        fits = _fits(self.value, io.y)
        require(self, fits, f"pad value {self.value} is not an {io.y.dtype.value}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's extents plus the paddings."""
        pairs = zip(io.x.shape, self.paddings, strict=True)
        return (tuple(before + extent + after for extent, (before, after) in pairs),)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation with the value moved as codes are."""
        if not flips_together(io):
            return None
        return replace(self, value=self.value - 128) if flips(io.x) else self

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy into the middle of a constant tensor."""
        x = arrays[0]
        return (np.pad(x, self.paddings, constant_values=x.dtype.type(self.value)),)


_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def _fits(value: int | float, y: Tensor) -> bool:
    if y.dtype.is_float:
        return abs(value) <= _LARGEST_FLOAT
    return isinstance(value, int) and y.dtype.min <= value <= y.dtype.max
