"""Rectified linear unit with one slope for negative inputs.

``y = clamp(P(x - x_zero) + y_zero)`` from the zero point up, below it with N in place of P; both
rescale. LiteRT's reference and builtin kernels agree; its XNNPACK delegate, whose factors
have fewer bits, gives the neighbouring code for about one in eight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.numerics import requantize
from edgeq.numerics.activations import saturate_s8
from edgeq.ops._elementwise import reach, rescale
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Arrays, Op, register, require


@register("leaky_relu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeakyRelu(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape; ``alpha`` is the slope."""

    alpha: float

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit or the slope is no number."""
        Lookup.check(self, io)
        require(self, math.isfinite(self.alpha), f"alpha is {self.alpha}")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        rounding = numerics.rounding(self.KIND)
        with np.errstate(all="ignore"):
            # LiteRT forms these factors in float32.
            x, y, alpha = (np.float32(v) for v in (io.x.scale, io.y.scale, self.alpha))
            above, below = float(x / y), float(x * alpha / y)
        largest = reach(io.x)
        positive = rescale(self, above, rounding, largest)
        negative = rescale(self, abs(below), rounding, largest)
        sign = -1 if below < 0 else 1

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            d = (q - zero).astype(np.int32)
            scaled = np.where(d >= 0, requantize(d, positive), sign * requantize(d, negative))
            return saturate_s8(scaled + y_zero)

        return self.with_table(io, codes)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        return (np.where(x >= 0, x, x * np.float32(self.alpha)).astype(np.float32),)
