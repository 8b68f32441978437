"""Code to code at another scale: ``y = clamp(requant(x - x_zero) + y_zero)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import SYMMETRIC_LIMIT, centred, limit_of, reach, rescale
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

    def requant(self, io: Operands, factor: float, rounding: Rounding) -> Requant:
        """Return the requantizer of ``factor``; raise where it could leave 32 bits."""
        return rescale(self, factor, rounding, reach(io.x), _limit(io))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        return (_rescaled(arrays[0], io.x, io.y, self.arithmetic),)


def _limit(io: Operands) -> int:
    """Return what values must stay below; the least int32 needs no room above its type's."""
    if io.x.dtype is DType.INT32:
        return SYMMETRIC_LIMIT + 1
    return SYMMETRIC_LIMIT if io.y.dtype is DType.INT32 else limit_of(io)


def _rescaled(array: np.ndarray, x: Tensor, y: Tensor, numbers: Rescaling) -> np.ndarray:
    # One row: a tail is at the end of all. In 64 bits: numbers that were int32 leave no room for a
    # zero point.
    scaled = requantize(centred(array, x).reshape(-1), numbers.requant).astype(np.int64)
    codes: np.ndarray = np.clip(scaled + y.zero_point, numbers.low, numbers.high)
    return codes.astype(y.dtype.numpy).reshape(array.shape)
