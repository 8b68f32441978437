"""Code to code at another scale: ``y = clamp(requant(x - x_zero) + y_zero)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import centred, reach, rescale, to_codes
from edgeq.ops.base import Arrays, Op

UNIT = (1 << 30, 1)


@dataclass(frozen=True, slots=True)
class Rescaling:
    """Finished numbers of a change of scale."""

    requant: Requant
    low: int
    high: int

    @property
    def is_offset(self) -> bool:
        """Tell whether the factor is exactly 1: only the zero point moves."""
        if self.requant.rounding is Rounding.FLOAT32:
            return self.requant.scale[0] == 1.0
        return (self.requant.multiplier[0], self.requant.shift[0]) == UNIT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rescales(Op):
    """An operation whose ``arithmetic`` is a ``Rescaling``."""

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def with_factor(
        self, io: Operands, factor: float, rounding: Rounding, codes: tuple[int, int]
    ) -> Op:
        """Return a copy with finished numbers; ``codes`` are the inclusive bounds."""
        requant = rescale(self, factor, rounding, reach(io.x))
        return self.with_arithmetic(Rescaling(requant, *codes))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        return (_rescaled(arrays[0], io.x, io.y, self.arithmetic),)


def _rescaled(array: np.ndarray, x: Tensor, y: Tensor, numbers: Rescaling) -> np.ndarray:
    scaled = requantize(centred(array, x), numbers.requant)
    return to_codes(scaled, y, numbers.low, numbers.high)
