"""What the largest and the smallest element along some axes share."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement, require_counts, require_one_code, require_one_type
from edgeq.ops._reduction import reduced_shape, require_axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExtremeElement(Movement):
    """Input: x of any type and rank. Output: x without ``axes``, or with extents of 1 there."""

    axes: tuple[int, ...]
    keep_dims: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes, types or codes do not fit."""
        require_counts(self, io, 1)
        require_axes(self, self.axes, len(io.x.shape))
        require_one_type(self, io)
        require_one_code(self, io)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the extents that are kept; 1 for the others under ``keep_dims``."""
        return (reduced_shape(io.x.shape, self.axes, self.keep_dims),)
