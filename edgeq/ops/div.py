"""Quotient of two arrays with broadcasting, in integers, the same under every profile.

The divisor's reciprocal is found by Newton's method, multiplied by the dividend, which is moved up
as far as it goes, and the product rescaled (``runtime/NUMERICS.md``, 7). LiteRT's reference and
builtin kernels agree. They end the run where a divisor is zero, and shift by more than 31 bits
where quotients are tiny, which C leaves undefined; here both have an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import quantize_multiplier
from edgeq.numerics.fixed_point import (
    Int64,
    count_leading_zeros_u32,
    mulhi_s32,
    round_away,
    wide,
    wrap_s32,
)
from edgeq.numerics.functions import reciprocal_1p_s32
from edgeq.ops._elementwise import CODES, broadcast_shape, centred, check_operands, reach, to_codes
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register

ENDLESS = 1 << 30
"""What anything divided by zero is before it is clamped, with the sign of the dividend."""


@dataclass(frozen=True, slots=True)
class Quotient:
    """Finished numbers of a quotient: ``multiplier * 2^(shift - 31)`` rescales it."""

    multiplier: int
    shift: int
    low: int
    high: int


@register("div")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Div(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: the first by the second."""

    activation: Activation = Activation.NONE

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2, CODES)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier and clamp; raise where a quotient could leave 32 bits."""
        with np.errstate(all="ignore"):
            # LiteRT forms the factor in float32.
            a, b, y = (np.float32(tensor.scale) for tensor in (*io.ins, io.y))
            factor = float(a / (b * y))
        multiplier, shift = quantize_multiplier(factor)
        if shift >= 31 - reach(io.x).bit_length():
            raise QuantizationError(
                f"quotients rescaled by {factor:.6g} can leave 32 bits",
                where=self.source or self.KIND,
            )
        return self.with_arithmetic(Quotient(multiplier, shift, *self.activation.codes(io.y)))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Quotient = self.arithmetic
        a, b = (wide(centred(*part)) for part in zip(arrays, io.ins, strict=True))
        found = np.where(b == 0, np.sign(a) * ENDLESS, _divided(a, b, numbers)).astype(np.int32)
        return (to_codes(found, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        with np.errstate(all="ignore"):
            quotient = np.divide(arrays[0], arrays[1], dtype=np.float32)
        return (self.activation.apply_float(quotient),)


def _divided(a: Int64, b: Int64, numbers: Quotient) -> Int64:
    """Return rescaled quotients; any number for a divisor of 0."""
    top, size = np.where(b < 0, -a, a), np.maximum(np.abs(b), 1)
    lead = wide(count_leading_zeros_u32(size))
    room = wide(count_leading_zeros_u32(np.where(top < 0, ~top, top))) - 1
    reciprocal = reciprocal_1p_s32((size << lead) - (1 << 31))
    quotient = mulhi_s32(wrap_s32(top << room), reciprocal)
    scaled = wide(mulhi_s32(quotient, numbers.multiplier))
    # Shifted by more than 31 bits, nothing is left of 32.
    return round_away(scaled, np.minimum(room + 31 - lead - numbers.shift, 32))
