"""Tile: a tensor repeated along its dimensions. Also what broadcasting to a shape is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement, require_counts, require_one_type
from edgeq.ops.base import Arrays, register, require


@register("tile")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile(Movement):
    """Input: x. Output: x, ``multiples[i]`` times along dimension i."""

    multiples: Shape

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless each dimension is there once or more."""
        require_counts(self, io, 1)
        require_one_type(self, io)
        rank = len(io.x.shape)
        fits = len(self.multiples) == rank and min(self.multiples, default=1) > 0
        require(self, fits, f"multiples {self.multiples} of {rank} dimensions")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the products of extents and multiples."""
        pairs = zip(io.x.shape, self.multiples, strict=True)
        return (tuple(extent * times for extent, times in pairs),)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy repeatedly."""
        return (np.tile(arrays[0], self.multiples),)
