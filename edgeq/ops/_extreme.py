"""What the smaller and the larger of two arrays share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.ops._elementwise import broadcast_shape, check_counts, ordered
from edgeq.ops._movement import flips_together, require_one_type
from edgeq.ops.base import Arrays, Op


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extreme(Op):
    """An operation that keeps one of two codes, as it is."""

    SAME_QUANT: ClassVar[bool] = True

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless there are two inputs, all of one type."""
        check_counts(self, io, 2)
        require_one_type(self, io)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Return the operation with a constant or smaller input second."""
        return ordered(self, io)[0]

    def flipped(self, io: Operands) -> Op | None:
        """Return the same operation: a flip keeps the order of codes."""
        return self if flips_together(io) else None

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compare real numbers."""
        return self.evaluate(io, arrays)
