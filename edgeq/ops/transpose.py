"""Transpose: the dimensions in another order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import Shape
from edgeq.ops._movement import Movement, require_counts, require_one_type
from edgeq.ops.base import Arrays, register, require


@register("transpose")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transpose(Movement):
    """Input: x. Output: dimension ``i`` is dimension ``perm[i]`` of x."""

    perm: tuple[int, ...]

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless ``perm`` names each dimension once."""
        require_counts(self, io, 1)
        require_one_type(self, io)
        rank = len(io.x.shape)
        named = sorted(self.perm) == list(range(rank))
        require(self, named, f"{self.perm} does not order {rank} dimensions")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's extents in the new order."""
        return (tuple(io.x.shape[axis] for axis in self.perm),)

    def keeps_order(self, io: Operands) -> bool:
        """Tell whether only dimensions of extent 1 move, so that no element does."""
        moved = [axis for axis in self.perm if io.x.shape[axis] != 1]
        return moved == sorted(moved)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy in the new order."""
        return (np.ascontiguousarray(arrays[0].transpose(self.perm)).reshape(self.shapes(io)[0]),)
