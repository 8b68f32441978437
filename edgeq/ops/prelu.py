"""Rectified linear unit with a learned slope for negative inputs, which broadcasts.

``y = clamp(P(d) + y_zero)`` for ``d = x - x_zero >= 0``, else ``clamp(N(d * (a - a_zero)) +
y_zero)``; P and N rescale. LiteRT's reference and builtin kernels agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import (
    broadcast_shape,
    centred,
    check_operands,
    reach,
    rescale,
    to_codes,
)
from edgeq.ops.base import Arrays, Op, register, require


@dataclass(frozen=True, slots=True)
class Slopes:
    """Finished numbers: how inputs of 0 and above are rescaled, and products below."""

    positive: Requant
    negative: Requant
    low: int
    high: int


@register("prelu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prelu(Op):
    """Inputs: x, and slopes that broadcast to its shape. Output: x's shape."""

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2)
        shapes = f"{io.ins[1].shape} and {io.x.shape}"
        fits = broadcast_shape(self, io) == io.x.shape
        require(self, fits, f"slopes and input have shapes {shapes}")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        x, slope = io.ins
        rounding = numerics.rounding(self.KIND)
        with np.errstate(all="ignore"):
            # LiteRT forms these factors in float32.
            first, second, last = (np.float32(t.scale) for t in (x, slope, io.y))
            factors = float(first / last), float(first * second / last)
        positive = rescale(self, factors[0], rounding, reach(x))
        negative = rescale(self, factors[1], rounding, reach(x) * reach(slope))
        return self.with_arithmetic(Slopes(positive, negative, io.y.dtype.min, io.y.dtype.max))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Slopes = self.arithmetic
        d, slope = (centred(a, t) for a, t in zip(arrays, io.ins, strict=True))
        below = requantize(d * slope, numbers.negative)
        scaled = np.where(d >= 0, requantize(d, numbers.positive), below)
        return (to_codes(scaled, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        return (np.where(x >= 0, x, np.multiply(x, arrays[1], dtype=np.float32)),)
