"""Pack: tensors of one shape stacked along a new dimension."""

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
    require_one_code,
    require_one_type,
)
from edgeq.ops.base import Arrays, register, require


@register("pack")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pack(Movement):
    """Inputs: any number of tensors of one shape. Output: they, stacked at ``axis``."""

    axis: int

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless shapes, types and codes are the same."""
        require_counts(self, io, max(1, len(io.ins)))
        require_one_type(self, io)
        require_one_code(self, io)
        require_axis(self, self.axis, len(io.x.shape) + 1)
        for x in io.ins:
            require(self, x.shape == io.x.shape, f"shapes {io.x.shape} and {x.shape} differ")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape with the number of inputs at ``axis``."""
        shape = io.x.shape
        return ((*shape[: self.axis], len(io.ins), *shape[self.axis :]),)

    def parts(self, io: Operands) -> Parts | None:
        """Return the inputs inside the output when all dimensions before ``axis`` are 1."""
        return laid_out(io.y, io.x.shape[: self.axis], io.ins)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy side by side."""
        return (np.stack(arrays, axis=self.axis),)
