"""Split: a tensor cut into pieces along one dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._movement import (
    Movement,
    Parts,
    laid_out,
    require_axis,
    require_counts,
    require_one_type,
)
from edgeq.ops.base import Arrays, register, require


@register("split")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split(Movement):
    """Input: x. Outputs: ``sizes`` elements each along ``axis``; no sizes: equal pieces."""

    axis: int
    sizes: tuple[int, ...] = ()

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless the pieces make up the input."""
        require_counts(self, io, 1, len(io.outs))
        require_one_type(self, io)
        require_axis(self, self.axis, len(io.x.shape))
        extent = io.x.shape[self.axis]
        sizes = self.piece_sizes(io)
        require(self, len(sizes) == len(io.outs), f"{len(sizes)} sizes, {len(io.outs)} outputs")
        whole = sum(sizes) == extent and min(sizes, default=0) > 0
        require(self, whole, f"dimension {self.axis} of {extent} cannot split into {sizes}")

    def piece_sizes(self, io: Operands) -> tuple[int, ...]:
        """Return the extent of each output along ``axis``."""
        count = len(io.outs)
        return self.sizes or (io.x.shape[self.axis] // count,) * count

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape with each piece's size along ``axis``."""
        before, after = io.x.shape[: self.axis], io.x.shape[self.axis + 1 :]
        return tuple((*before, size, *after) for size in self.piece_sizes(io))

    def parts(self, io: Operands) -> Parts | None:
        """Return the pieces inside the input when all dimensions before ``axis`` are 1."""
        return laid_out(io.x, io.x.shape[: self.axis], io.outs)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy the pieces."""
        cuts = np.cumsum(self.piece_sizes(io))[:-1]
        return tuple(piece.copy() for piece in np.split(arrays[0], cuts, axis=self.axis))
