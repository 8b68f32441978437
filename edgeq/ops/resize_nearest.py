"""Resize NHWC images to the nearest pixel: any type, codes copied as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement
from edgeq.ops._resize import Grid, check_resize, nearest, resized_shape
from edgeq.ops._spatial import Pair
from edgeq.ops.base import Arrays, Op, register


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The input row of each output row, and the input column of each output column."""

    rows: np.ndarray
    columns: np.ndarray


@register("resize_nearest")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResizeNearest(Movement):
    """Input: x [N,H,W,C]. Output: [N,*size,C].

    Output position i is input position ``i * H / size``; ``align_corners`` lets the corner pixels
    coincide, ``half_pixel_centers`` measures between the centres of pixels.
    """

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        check_resize(self, io, self.size)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, *size, C]."""
        return (resized_shape(io.x.shape, self.size),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the source rows and columns; the reference finds them in float32."""
        return self.with_arithmetic(self.sources(io))

    def sources(self, io: Operands) -> Sources:
        """Return where every row and column comes from."""
        rows, columns = (
            nearest(Grid(extent, size, self.align_corners, self.half_pixel_centers))
            for extent, size in zip(io.x.shape[1:3], self.size, strict=True)
        )
        return Sources(rows, columns)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy pixels."""
        sources = self.arithmetic or self.sources(io)
        return (arrays[0][:, sources.rows][:, :, sources.columns],)
