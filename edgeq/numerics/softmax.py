"""Softmax and log-softmax on codes (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeq.errors import QuantizationError
from edgeq.ir.quant import Rounding
from edgeq.numerics import fixed_point as fx
from edgeq.numerics import functions
from edgeq.numerics.fixed_point import Int32, Int64, wide
from edgeq.numerics.multiplier import quantize_multiplier
from edgeq.numerics.requant import BY_ROUNDING
from edgeq.numerics.tables import EXP_S16, RECIPROCAL_S16

MAX_SOFTMAX_LENGTH = 8191
"""Longest row: each value adds at most 2^19 to a sum that must stay below 2^32."""
MAX_LOG_SOFTMAX_LENGTH = 4095
"""Longest row of a log-softmax, whose sum is signed: it must stay below 2^31."""
MAX_SOFTMAX_S16_LENGTH = 65535
"""Longest row of int16: each value adds at most 2^15 to a sum that must stay below 2^31."""
MAX_SOFTMAX_SHIFT = 14

_MIN_OUTPUT: dict[np.dtype, int] = {
    np.dtype(np.int8): -128,
    np.dtype(np.uint8): 0,
    np.dtype(np.int16): -32768,
}
_LARGEST_FACTOR = {Rounding.SINGLE: 2.0**30 - 1.0}


@dataclass(frozen=True, slots=True)
class SoftmaxInput:
    """How code differences become Q5.26, and the difference below which e^d counts as 0."""

    multiplier: int
    left: int
    diff_min: int
    rounding: Rounding

    @staticmethod
    def of(beta_scale: float, rounding: Rounding = Rounding.GEMMLOWP) -> SoftmaxInput:
        """Return the numbers for ``beta * scale``; raise ``QuantizationError`` if too small."""
        factor = min(beta_scale * 2.0**26, _LARGEST_FACTOR.get(rounding, 2.0**31 - 1.0))
        if not factor > 1.0:
            raise QuantizationError(f"softmax with beta * scale = {beta_scale!r} is below 2**-26")
        # Within 1 of 2^31 the factor still has a shift of 31, which only this operation has.
        multiplier, shift = quantize_multiplier(factor / 2.0)
        left = shift + 1
        return SoftmaxInput(multiplier, left, -math.floor(31.0 * 2.0 ** (26 - left)), rounding)

    def rescale(self, diff: Int64) -> Int32:
        """Return differences of at least ``diff_min`` as Q5.26."""
        if self.rounding is Rounding.SINGLE:
            return BY_ROUNDING[Rounding.SINGLE](diff, self.multiplier, self.left)
        return fx.mulhi_s32(diff << self.left, self.multiplier)

    def exponentials(self) -> Int64:
        """Return e^-d in Q0.31 for code differences d = 0..255."""
        diff = -np.arange(256, dtype=np.int64)
        inside = diff >= self.diff_min
        exps = functions.exp_neg_q5_s32(self.rescale(np.where(inside, diff, 0)))
        return np.where(inside, wide(exps), 0)


def _differences(q: ArrayLike, limit: int) -> Int64:
    """Return codes minus their row's largest; rows are the last axis."""
    codes = wide(q)
    if codes.shape[-1] > limit:
        raise QuantizationError(f"a row of {codes.shape[-1]} values; at most {limit} fit the sum")
    return codes - codes.max(axis=-1, keepdims=True)


def softmax_s8(
    q: ArrayLike,
    beta_scale: float,
    out_dtype: type = np.int8,
    rounding: Rounding = Rounding.GEMMLOWP,
) -> NDArray[np.signedinteger | np.unsignedinteger]:
    """Return softmax codes of int8 or uint8 rows (last axis).

    Output int8: scale 1/256, zero point -128; uint8: 1/256, 0; int16: 1/65536, -32768.
    Raise ``QuantizationError`` for rows whose sum would not fit, or a scale below 2**-26.
    """
    dtype = np.dtype(out_dtype)
    if dtype not in _MIN_OUTPUT:
        raise QuantizationError(f"softmax has no {dtype.name} output")
    numbers = SoftmaxInput.of(beta_scale, rounding)
    diff = _differences(q, MAX_SOFTMAX_LENGTH)
    exps = numbers.exponentials()[-diff]
    total = fx.round_away(exps, wide(12)).sum(axis=-1, keepdims=True)
    zeros = wide(fx.count_leading_zeros_u32(total))
    scale = functions.reciprocal_1p_s32((total << zeros) - (1 << 31))
    # A shift of 32 or more leaves less than one half, which is 0: so does one of 40.
    bits = 8 * dtype.itemsize
    right = np.minimum(43 - zeros - bits, 40)
    y = fx.round_away(wide(fx.mulhi_s32(scale, exps)), right) + _MIN_OUTPUT[dtype]
    y = np.where(diff < numbers.diff_min, _MIN_OUTPUT[dtype], y)
    low = _MIN_OUTPUT[dtype]
    return np.clip(y, low, low + (1 << bits) - 1).astype(dtype)


@dataclass(frozen=True, slots=True)
class SoftmaxS16:
    """How int16 code differences become steps of the table of e^x, 65535 for 10."""

    multiplier: int
    shift: int
    rounding: Rounding

    @staticmethod
    def of(beta_scale: float, rounding: Rounding = Rounding.GEMMLOWP) -> SoftmaxS16:
        """Return the numbers for ``beta * scale``; raise ``QuantizationError`` if too large.

        Differences are at most 65535; moved to the left they must stay within 32 bits.
        """
        multiplier, shift = quantize_multiplier(beta_scale / (10.0 / 65535.0))
        if shift > MAX_SOFTMAX_SHIFT:
            raise QuantizationError(f"softmax of int16 with beta * scale = {beta_scale!r}")
        return SoftmaxS16(multiplier, shift, rounding)


def lookup_s16(x: ArrayLike, table: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the values of int16 codes on the lines between the 513 entries of a table."""
    codes = wide(x)
    entry = 256 + (codes >> 7)
    here = wide(table[entry])
    slope = wide(table[entry + 1]) - here
    return (here + ((slope * (codes & 127) + 64) >> 7)).astype(np.int16)


def softmax_s16(q: ArrayLike, numbers: SoftmaxS16) -> NDArray[np.int16]:
    """Return softmax codes (scale 2^-15, zero point 0) of int16 rows (last axis)."""
    diff = _differences(q, MAX_SOFTMAX_S16_LENGTH)
    steps = wide(BY_ROUNDING[numbers.rounding](diff, numbers.multiplier, numbers.shift))
    exps = wide(lookup_s16(np.clip(steps + 32767, -32768, 32767), EXP_S16))
    total = exps.sum(axis=-1, keepdims=True)
    zeros = wide(fx.count_leading_zeros_u32(total))
    fraction = (((total << (zeros - 1)) + (1 << 13)) >> 14) - (3 << 15)
    inverse = wide(lookup_s16(np.clip(fraction, -32768, 32767), RECIPROCAL_S16))
    right = 31 - zeros
    y = (exps * inverse + (1 << (right - 1))) >> right
    return np.clip(y, 0, 32767).astype(np.int16)


def log_softmax_s8(
    q: ArrayLike, scale: float, rounding: Rounding = Rounding.GEMMLOWP
) -> NDArray[np.int8]:
    """Return log-softmax codes (scale 1/16, zero point 127) of int8 rows (last axis)."""
    numbers = SoftmaxInput.of(float(np.float32(scale)), rounding)
    rescale = BY_ROUNDING[rounding]
    diff = _differences(q, MAX_LOG_SOFTMAX_LENGTH)
    exps = fx.round_away(numbers.exponentials()[-diff], wide(12))
    log_sum = wide(functions.log_q12_s32(exps.sum(axis=-1, keepdims=True)))
    reverse = quantize_multiplier(2.0 ** (31 - numbers.left) / numbers.multiplier)
    low = np.maximum(numbers.diff_min - 1, wide(rescale(log_sum - (1 << 31), *reverse)))
    inside = diff > low
    logs = wide(numbers.rescale(np.where(inside, diff, 0))) - log_sum
    y = fx.round_away(logs, wide(22)) + 127
    return np.where(inside, np.clip(y, -128, 127), -128).astype(np.int8)
