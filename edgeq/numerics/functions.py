"""Exponential, logistic, tanh, reciprocal, logarithm of Q numbers (``runtime/NUMERICS.md``, 6).

Jacob et al. 2017, appendix A.1: fixed-point arithmetic, no tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edgeq.numerics import fixed_point as fx
from edgeq.numerics.fixed_point import Int16, Int32, Int64, wide

# (i, e^-(2^i) in Q0.31)
_EXP_STEPS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
_EXP_EIGHTH, _THIRD = 1895147668, 715827883
_NEWTON_START, _NEWTON_SLOPE = 1515870810, -1010580540
_HALF_ROOT, _HALF_FOURTH_ROOT, _LN2 = 1518500250, 1805811301, 1488522236


@dataclass(frozen=True, slots=True)
class _Width:
    """The primitives of one type: ``bits`` wide, results as int64."""

    bits: int
    mul: Callable[[ArrayLike, ArrayLike], Int16 | Int32]
    left: Callable[[ArrayLike, ArrayLike], Int16 | Int32]

    @property
    def max(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def constant(self, raw: int) -> int:
        """Return a 32-bit constant in this width."""
        return int(fx.shift_right_away_s32(raw, 32 - self.bits))

    def mulhi(self, a: ArrayLike, b: ArrayLike) -> Int64:
        return wide(self.mul(a, b))

    def shift_left(self, x: ArrayLike, e: int) -> Int64:
        return wide(self.left(x, e))


_S32 = _Width(32, fx.mulhi_s32, fx.shift_left_sat_s32)
_S16 = _Width(16, fx.mulhi_s16, fx.shift_left_sat_s16)


def _exp_quarter(a: Int64, w: _Width) -> Int64:
    """Return e^a for a in [-1/4, 0), Q0."""
    at_eighth = w.constant(_EXP_EIGHTH)
    x = a + (1 << (w.bits - 4))
    x2 = w.mulhi(x, x)
    x3, x4 = w.mulhi(x2, x), w.mulhi(x2, x2)
    high = w.mulhi(fx.round_away(x4, wide(2)) + x3, w.constant(_THIRD))
    series = fx.round_away(high + x2, wide(1))
    return np.minimum(at_eighth + w.mulhi(at_eighth, x + series), w.max)


def _exp_neg(a: Int64, m: int, w: _Width) -> Int64:
    """Return e^a for a <= 0 with ``m`` integer bits, Q0."""
    f = w.bits - 1 - m
    quarter = 1 << (f - 2)
    part = (a & (quarter - 1)) - quarter
    rest = part - a
    result = _exp_quarter(w.shift_left(part, m), w)
    for i, factor in _EXP_STEPS:
        if i < m:
            step = w.mulhi(result, w.constant(factor))
            result = np.where(rest & (1 << (f + i)), step, result)
    if m > 5:
        result = np.where(a < -(32 << f), 0, result)
    return np.where(a == 0, w.max, result)


def _newton_1p(a: Int64, w: _Width) -> Int64:
    """Return 2 / (1 + a) for a >= 0, Q0 to Q2."""
    half = (a + w.max + 1) >> 1
    x = w.constant(_NEWTON_START) + w.mulhi(half, w.constant(_NEWTON_SLOPE))
    for _ in range(3):
        error = (1 << (w.bits - 3)) - w.mulhi(half, x)
        x = x + w.shift_left(w.mulhi(x, error), 2)
    return x


def _logistic(a: Int64, m: int, w: _Width) -> Int64:
    y = w.shift_left(_newton_1p(_exp_neg(-np.abs(a), m, w), w), 1)
    return np.where(a == 0, 1 << (w.bits - 2), np.where(a > 0, y, w.max - y))


def _tanh(a: Int64, m: int, w: _Width) -> Int64:
    # The same bits with one more integer bit are twice the number.
    x = _newton_1p(_exp_neg(-np.abs(a), m + 1, w), w)
    return np.sign(a) * w.shift_left(x - (1 << (w.bits - 3)), 2)


def exp_neg_q5_s32(a: ArrayLike) -> Int32:
    """Return e^a for a <= 0, Q5.26 to Q0.31.

    >>> int(exp_neg_q5_s32(-(2**24)))
    1672462419
    """
    return _exp_neg(wide(a), 5, _S32).astype(np.int32)


def reciprocal_1p_s32(a: ArrayLike) -> Int32:
    """Return 1 / (1 + a) for a >= 0, Q0.31 to Q0.31, saturated."""
    return _S32.shift_left(_newton_1p(wide(a), _S32), 1).astype(np.int32)


def logistic_q4_s32(a: ArrayLike) -> Int32:
    """Return 1 / (1 + e^-a), Q4.27 to Q0.31.

    >>> logistic_q4_s32([2**27, -(2**27)]).tolist()
    [1569936226, 577547421]
    """
    return _logistic(wide(a), 4, _S32).astype(np.int32)


def tanh_q4_s32(a: ArrayLike) -> Int32:
    """Return tanh a, Q4.27 to Q0.31.

    >>> int(tanh_q4_s32(2**27))
    1635510876
    """
    return _tanh(wide(a), 4, _S32).astype(np.int32)


def logistic_q3_s16(a: ArrayLike) -> Int16:
    """Return 1 / (1 + e^-a), Q3.12 to Q0.15.

    >>> int(logistic_q3_s16(4096))
    23952
    """
    return _logistic(wide(a), 3, _S16).astype(np.int16)


def tanh_q3_s16(a: ArrayLike) -> Int16:
    """Return tanh a, Q3.12 to Q0.15.

    >>> int(tanh_q3_s16(4096))
    24964
    """
    return tanh_qm_s16(a, 3)


def tanh_qm_s16(a: ArrayLike, m: int) -> Int16:
    """Return tanh a, Qm with ``m`` integer bits, 0..6, to Q0.15.

    >>> int(tanh_qm_s16(2048, 4))
    24964
    """
    return _tanh(wide(a), m, _S16).astype(np.int16)


def inv_sqrt_s32(x: ArrayLike) -> tuple[Int32, Int32]:
    """Return ``(multiplier, shift)`` arrays with ``1/sqrt(x) ~ multiplier * 2**(shift - 31)``.

    x >= 0; 0 counts as 1. The shift is never positive. Source: the L2 normalization kernel of
    TensorFlow Lite.
    """
    raw = wide(x)
    value, right = np.maximum(raw, 2), np.full(raw.shape, 11, np.int64)
    while (large := value >= 1 << 29).any():
        value, right = np.where(large, value >> 2, value), right + large
    pairs = (wide(fx.count_leading_zeros_u32(value)) - 1) // 2 - 1
    half = (value << (2 * pairs)) >> 1
    quarter, y = fx.round_away(half, wide(1)), np.full(raw.shape, 1 << 28, np.int64)
    for _ in range(5):
        cube = _S32.shift_left(_S32.mulhi(_S32.mulhi(y, y), y), 6)
        pull = _S32.mulhi((1 << 28) + (1 << 27), y) - _S32.mulhi(quarter, cube)
        y = _S32.shift_left(pull, 3)
    right = right - pairs
    y = _S32.mulhi(y, _HALF_ROOT) << np.maximum(-right, 0)
    tiny = raw <= 1
    multiplier = np.where(tiny, fx.S32.max, y)
    return multiplier.astype(np.int32), np.where(tiny, 0, -np.maximum(right, 0)).astype(np.int32)


def log_q12_s32(x: ArrayLike) -> Int32:
    """Return the natural logarithm of x > 0, Q12.19 to Q5.26."""
    value, quarter = wide(x), 1 << 23
    mul, left = _S32.mulhi, _S32.left
    clz_a = wide(fx.count_leading_zeros_u32(value))
    near_a = _S32.shift_left(mul(wide(left(value, clz_a - 1)), _HALF_ROOT), 1)
    power_a = wide(left(12 - clz_a, 25)) + quarter
    clz_b = wide(fx.count_leading_zeros_u32(mul(value, _HALF_ROOT))) - 1
    near_b = wide(left(value, clz_b))
    power_b = wide(left(12 - clz_b, 25)) - quarter
    power = np.maximum(fx.saturate_s32(power_a), fx.saturate_s32(power_b))
    r = np.minimum(near_a, near_b)
    p = fx.round_away(r + _HALF_FOURTH_ROOT, wide(1))
    q = 2 * (r - _HALF_FOURTH_ROOT)
    q2 = mul(q, q)
    numerator = mul(q, r) + mul(mul(q, q2), 117049297)
    denominator = mul(p, 1057819769 + q + mul(127690142, q2)) + mul(638450708, q)
    ratio = mul(fx.round_away(numerator, wide(6)), reciprocal_1p_s32(denominator))
    return _S32.shift_left(mul(power, _LN2) + ratio, 1).astype(np.int32)
