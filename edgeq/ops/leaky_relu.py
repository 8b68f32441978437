"""Rectified linear unit with one slope for negative inputs.

``y = clamp(P(x - x_zero) + y_zero)`` from the zero point up, below it with N in place of P; both
rescale. LiteRT's reference and builtin kernels agree; its XNNPACK delegate has factors of 8
fraction bits, and gives the neighbouring code for about one in eight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.numerics.activations import saturate_s8
from edgeq.numerics.fixed_point import saturate_s16
from edgeq.ops._elementwise import CODES, limit_of, reach, rescale
from edgeq.ops._lookup import Lookup
from edgeq.ops._xnnpack import narrow_requant, takes_ratio
from edgeq.ops.base import Arrays, Op, register, require


@dataclass(frozen=True, slots=True)
class Slopes:
    """Finished numbers: how codes from the zero point up are rescaled, and those below.

    The latter are then multiplied by ``sign``, or where ``signed`` before.
    """

    positive: Requant
    negative: Requant
    sign: int
    signed: bool = False

    def rescale(self, d: np.ndarray) -> np.ndarray:
        """Return codes minus their zero point at the output's scale."""
        inner, outer = (self.sign, 1) if self.signed else (1, self.sign)
        below = outer * requantize(inner * d, self.negative)
        return np.where(d >= 0, requantize(d, self.positive), below)


@register("leaky_relu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeakyRelu(Lookup):
    """Input and output: codes or float32 of the same shape; ``alpha`` is the slope."""

    CODES: ClassVar[tuple[DType, ...]] = CODES

    alpha: float

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit or the slope is no number."""
        Lookup.check(self, io)
        require(self, math.isfinite(self.alpha), f"alpha is {self.alpha}")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, or of int16 the factors."""
        with np.errstate(all="ignore"):
            # LiteRT forms these factors in float32.
            x, y, alpha = (np.float32(v) for v in (io.x.scale, io.y.scale, self.alpha))
            above, below = float(x / y), float(x * alpha / y)
        numerics = self._taken(numerics, above, below)
        positive, negative = self._factors(io, numerics, above, below)
        # XNNPACK rounds the signed product, the others that with the absolute value.
        signed = numerics.library(self.KIND) is Library.XNNPACK
        slopes = Slopes(positive, negative, -1 if below < 0 else 1, signed)
        if io.x.dtype is DType.INT16:
            return self.with_arithmetic(slopes)

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            return saturate_s8(slopes.rescale((q - zero).astype(np.int32)) + y_zero)

        return self.with_table(io, codes)

    def _taken(self, numerics: Numerics, above: float, below: float) -> Numerics:
        """Return the profile of these factors."""
        fits = (takes_ratio(abs(factor), 2.0**-8, 2.0**7) for factor in (above, below))
        return numerics.of(self.KIND, all(fits))

    def _factors(
        self, io: Operands, numerics: Numerics, above: float, below: float
    ) -> tuple[Requant, Requant]:
        """Return the requantizers of both sides, of the absolute value below the zero point."""
        if numerics.library(self.KIND) is Library.XNNPACK:
            return narrow_requant(above), narrow_requant(abs(below))
        rounding, largest, limit = numerics.rounding(self.KIND), reach(io.x), limit_of(io)
        return (
            rescale(self, above, rounding, largest, limit),
            rescale(self, abs(below), rounding, largest, limit),
        )

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Look every code up, or rescale it."""
        if not isinstance(self.arithmetic, Slopes):
            return Lookup.evaluate(self, io, arrays)
        return (saturate_s16(self.arithmetic.rescale(arrays[0].astype(np.int32))),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        return (np.where(x >= 0, x, x * np.float32(self.alpha)).astype(np.float32),)
