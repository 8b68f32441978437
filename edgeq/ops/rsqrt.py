"""Reciprocal of the square root: of 8-bit codes in integers, of int16 codes on lines.

``MBQM(2^20 / sqrt(q - zero), ...)``, the root by Newton's method (``runtime/NUMERICS.md``, 7).
Of 0 it is the largest code, and here also of what is below, where LiteRT ends the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType
from edgeq.numerics import quantize_multiplier
from edgeq.numerics.activations import saturate_s8
from edgeq.numerics.fixed_point import wide
from edgeq.numerics.functions import inv_sqrt_s32
from edgeq.numerics.requant import requant_gemmlowp_s32
from edgeq.ops._lines import Curve, with_lines
from edgeq.ops.base import Arrays, Op, register

FRACTION = 20
"""Bits of the root's reciprocal below the point."""


@register("rsqrt")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rsqrt(Curve):
    """Input and output: codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        if io.x.dtype is DType.INT16:
            return self._with_lines(io)
        with np.errstate(all="ignore"):
            # LiteRT multiplies in float32 and divides in float64.
            product = np.sqrt(np.float32(io.x.scale)) * np.float32(io.y.scale)
            multiplier, shift = quantize_multiplier(1.0 / float(product) if product else math.inf)

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            root, right = inv_sqrt_s32(np.maximum(q - zero, 1))
            fraction = requant_gemmlowp_s32(1, root, right + FRACTION)
            # Shifted further, nothing is left.
            found = requant_gemmlowp_s32(fraction, multiplier, max(shift - FRACTION, -31))
            return np.where(q > zero, saturate_s8(wide(found) + y_zero), np.int8(127))

        return self.with_table(io, codes)

    def _with_lines(self, io: Operands) -> Op:
        largest = np.float32(io.y.dtype.max) * np.float32(io.y.scale)

        def function(x: np.ndarray) -> np.ndarray:
            return np.where(x > 0, _rsqrt(np.where(x > 0, x, 1.0).astype(np.float32)), largest)

        return with_lines(self, io, function)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (_rsqrt(arrays[0]),)


def _rsqrt(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.float32(1) / np.sqrt(x)
