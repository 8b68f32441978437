"""Whole operations on codes, as the TensorFlow Lite reference computes them.

Formulas: ``runtime/NUMERICS.md``, section 7. ``rounding`` is that of the profile; under
``Rounding.SINGLE`` the inputs are rescaled with one rounding, else as gemmlowp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeq.errors import QuantizationError
from edgeq.ir.quant import Rounding
from edgeq.numerics import fixed_point as fx
from edgeq.numerics import functions
from edgeq.numerics.fixed_point import Int16, Int32, Int64, wide
from edgeq.numerics.multiplier import quantize_multiplier
from edgeq.numerics.requant import BY_ROUNDING
from edgeq.numerics.softmax import log_softmax_s8, softmax_s8
from edgeq.numerics.tables import LOGISTIC_U16

__all__ = [
    "HardSwishS8",
    "SigmoidS8",
    "hard_swish_s8",
    "input_radius",
    "l2norm_s8",
    "log_softmax_s8",
    "logistic_s8",
    "logistic_s16",
    "saturate_s8",
    "sigmoid_input_s16",
    "softmax_s8",
    "tanh_s8",
    "tanh_s16",
]

Int8 = NDArray[np.int8]


def saturate_s8(x: ArrayLike) -> Int8:
    """Clamp to int8."""
    return np.clip(x, -128, 127).astype(np.int8)


def input_radius(integer_bits: int, left: int) -> int:
    """Return the largest code difference that ``left`` keeps within ``integer_bits``."""
    return math.floor(math.ldexp(float((1 << integer_bits) - 1), 31 - integer_bits - left))


@dataclass(frozen=True, slots=True)
class SigmoidS8:
    """Finished numbers of an int8 logistic or tanh: input in Q4.27, and where it saturates."""

    multiplier: int
    shift: int
    radius: int

    @staticmethod
    def of(scale: float) -> SigmoidS8:
        """Return the numbers for an input scale.

        A scale of 8 or more saturates at the first code beside the zero point, as one just
        below 8 does: it counts as that, because its own shift would not fit.
        """
        factor = min(float(np.float32(scale)) * 2.0**27, 2.0**30 - 1.0)
        multiplier, shift = quantize_multiplier(factor)
        return SigmoidS8(multiplier, shift, input_radius(4, shift))


def _sigmoid_s8(
    q: ArrayLike,
    scale: float,
    zero_point: int,
    rounding: Rounding,
    finish: Callable[[Int32], Int64],
) -> Int8:
    numbers = SigmoidS8.of(scale)
    radius = numbers.radius
    d = wide(q) - zero_point
    inside = np.clip(d, -radius, radius)
    y = finish(BY_ROUNDING[rounding](inside, numbers.multiplier, numbers.shift))
    return saturate_s8(np.where(d <= -radius, -128, np.where(d >= radius, 127, y)))


def logistic_s8(
    q: ArrayLike, scale: float, zero_point: int, rounding: Rounding = Rounding.GEMMLOWP
) -> Int8:
    """Return logistic codes of scale 1/256, zero point -128, for int8 codes ``q``."""

    def finish(v: Int32) -> Int64:
        return wide(fx.shift_right_away_s32(functions.logistic_q4_s32(v), 23)) - 128

    return _sigmoid_s8(q, scale, zero_point, rounding, finish)


def tanh_s8(
    q: ArrayLike, scale: float, zero_point: int, rounding: Rounding = Rounding.GEMMLOWP
) -> Int8:
    """Return tanh codes of scale 1/128, zero point 0, for int8 codes ``q``."""

    def finish(v: Int32) -> Int64:
        return wide(fx.shift_right_away_s32(functions.tanh_q4_s32(v), 24))

    return _sigmoid_s8(q, scale, zero_point, rounding, finish)


def sigmoid_input_s16(scale: float) -> tuple[int, int]:
    """Return ``(multiplier, shift)`` that bring int16 codes to the table of 24 steps per unit.

    A power-of-two scale of 2^-12 or more needs no rounding, and gives shift 0.
    """
    scale = float(np.float32(scale))
    fraction, exponent = math.frexp(scale)
    if fraction == 0.5 and 0 <= exponent - 1 + 12 <= 14:
        return 3 << (exponent + 11), 0
    factor, shift = scale * 4096.0 * 3.0, 0
    if not 0.0 < factor <= 32767.0:
        raise QuantizationError(f"an int16 input scale of {scale!r} is out of range")
    while factor <= 32767.0 / 2.0 and shift <= 30:
        factor, shift = factor * 2.0, shift + 1
    return int(factor), shift


def _table_s16(q: ArrayLike, multiplier: int, shift: int, bits: int) -> tuple[Int64, Int64]:
    """Return the input in table units and the interpolated table, with ``bits`` of fraction."""
    if multiplier == 0:
        multiplier, shift = 3 << shift, 0
    d = (wide(q) * multiplier + ((1 << shift) >> 1)) >> shift
    a = np.abs(d)
    step = np.minimum(a >> bits, 254)
    low, high = wide(LOGISTIC_U16[step]), wide(LOGISTIC_U16[step + 1])
    # Beyond the table: one, less what the output type cannot hold.
    beyond = (0x7FFF << 10) if bits == 9 else (0xFFFF << 8)
    between = (low << bits) + (a & ((1 << bits) - 1)) * (high - low)
    return d, np.where(a >> bits >= 255, beyond, between)


def logistic_s16(q: ArrayLike, multiplier: int, shift: int) -> Int16:
    """Return logistic codes of scale 2^-15 for int16 codes ``q``; see ``sigmoid_input_s16``.

    Multiplier 0 stands for ``3 << shift``, a power-of-two input scale.
    """
    d, r = _table_s16(q, multiplier, shift, 9)
    return (np.where(d >= 0, r + 512, (1 << 25) - r + 511) >> 10).astype(np.int16)


def tanh_s16(q: ArrayLike, multiplier: int, shift: int) -> Int16:
    """Return tanh codes of scale 2^-15 for int16 codes ``q``; see ``sigmoid_input_s16``."""
    d, r = _table_s16(q, multiplier, shift, 8)
    return (np.where(d >= 0, r - (1 << 23) + 128, (1 << 23) - r + 127) >> 8).astype(np.int16)


@dataclass(frozen=True, slots=True)
class HardSwishS8:
    """Finished numbers of an int8 hard-swish; multipliers are int16, ``output_right`` >= 0."""

    output_multiplier: int
    output_right: int
    gate_multiplier: int
    gate_shift: int

    @staticmethod
    def of(s_in: float, s_out: float) -> HardSwishS8:
        """Return the numbers; raise ``QuantizationError`` for scales the kernel cannot take."""
        fine = np.float32(s_in) / np.float32(128.0)
        gate = np.float32(3.0) / np.float32(32768.0)
        with np.errstate(over="ignore"):
            factor = float(fine / np.float32(s_out))
        output, output_shift = quantize_multiplier(factor)
        ratio, ratio_shift = quantize_multiplier(float(fine / gate))
        if output_shift > 0:
            raise QuantizationError(
                f"hard-swish with an output scale of {s_out!r} is finer than 1/128 of its input's"
            )
        return HardSwishS8(_narrow(output), -output_shift, _narrow(ratio), ratio_shift)


def _narrow(multiplier: int) -> int:
    return min((multiplier + (1 << 15)) >> 16, 32767)


def hard_swish_s8(q: ArrayLike, s_in: float, z_in: int, s_out: float, z_out: int) -> Int8:
    """Return ``x * relu6(x + 3) / 6`` for int8 codes."""
    numbers = HardSwishS8.of(s_in, s_out)
    x = (wide(q) - z_in) << 7
    value = wide(fx.mulhi_s16(x, numbers.output_multiplier))
    up = max(numbers.gate_shift, 0)
    gate = fx.mulhi_s16(fx.shift_left_sat_s16(x, max(up - 1, 0)), numbers.gate_multiplier)
    gate = fx.shift_left_sat_s16(gate, min(up, 1))
    divided = _divided_s16(gate, max(-numbers.gate_shift, 0))
    product = ((wide(divided) + 32768) >> 1) * value
    # Toward zero on purpose: it cancels the bias of the roundings before.
    y = np.sign(product) * (np.abs(product) >> 15)
    return saturate_s8(wide(_divided_s16(y, numbers.output_right)) + z_out)


def _divided_s16(x: ArrayLike, e: int) -> Int32:
    """Return ``x / 2**e``, halves away from zero, as gemmlowp divides int16.

    Beyond 15 its mask of the remainder is -1: what is left is the sign, and 1 for zero too.
    """
    if e > 15:
        return np.where(wide(x) < 0, -1, 1).astype(np.int32)
    return fx.shift_right_away_s32(x, e)


def l2norm_s8(q: ArrayLike, zero_point: int, rounding: Rounding = Rounding.GEMMLOWP) -> Int8:
    """Return rows (last axis) divided by their norm, scale 1/128, zero point 0."""
    d = wide(q) - zero_point
    multiplier, shift = functions.inv_sqrt_s32((d * d).sum(axis=-1, keepdims=True))
    return saturate_s8(BY_ROUNDING[rounding](d, multiplier, shift + 7))
