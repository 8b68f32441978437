"""Exponential and logarithm in float32 that give the same bits everywhere.

C libraries differ in the last bit. These are a fixed sequence of float64 operations, exact to
about ``2**-50``, whose result is then rounded to float32; templates spell the same sequence.
"""

from __future__ import annotations

import numpy as np

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693147180369123816490  # 33 bits, so that its product with an exponent is exact
LN2_LOW = 1.90821492927058770002e-10
EXP_TERMS = 13
LOG_TERMS = 12
ROOT_2 = 1.4142135623730951
LEAST = -104.0
"""Below it e^x is less than half the smallest float32."""


def exp_series() -> tuple[float, ...]:
    """Return 1/13!, 1/12!, ... 1: coefficients of e^r, of the highest power first."""
    factorials = [1.0]
    for i in range(1, EXP_TERMS + 1):
        factorials.append(factorials[-1] * i)
    return tuple(1.0 / f for f in reversed(factorials))


def log_series() -> tuple[float, ...]:
    """Return 2/25, 2/23, ... 2: coefficients of odd powers of t in log((1 + t) / (1 - t))."""
    return tuple(2.0 / (2 * i + 1) for i in range(LOG_TERMS, -1, -1))


def exp_f32(x: np.ndarray) -> np.ndarray:
    """Return e^x of float32 values of at most 0."""
    wide = np.maximum(x.astype(np.float64), LEAST)
    power = -np.floor(0.5 - wide * LOG2_E)
    rest = wide - power * LN2_HIGH - power * LN2_LOW
    total = np.zeros_like(rest)
    for coefficient in exp_series():
        total = total * rest + coefficient
    y = np.ldexp(total, power.astype(np.int32))
    return np.where(x < np.float32(LEAST), 0.0, y).astype(np.float32)


def log_f32(x: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of float32 values of at least 1."""
    mantissa, power = np.frexp(x.astype(np.float64))
    small = mantissa * 2.0 <= ROOT_2
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    exponent = (power - small).astype(np.float64)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    square = t * t
    total = np.zeros_like(t)
    for coefficient in log_series():
        total = total * square + coefficient
    y: np.ndarray = total * t + exponent * LN2_LOW + exponent * LN2_HIGH
    return y.astype(np.float32)
