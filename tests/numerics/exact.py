"""Exact definitions on Python integers, boundary values, and C compared with NumPy."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import strategies as st

from edgeq import _fixed_point as c
from edgeq import numerics as n

ALL_S16 = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
EDGES_S16 = np.array([-32768, -32767, -16384, -1, 0, 1, 2, 16384, 16385, 32766, 32767], np.int16)

_POWERS = [1 << i for i in range(31)]
EDGES_S32 = np.unique(
    np.array(
        [s * p + d for p in _POWERS for s in (-1, 1) for d in (-1, 0, 1)]
        + [0, -(1 << 31), -(1 << 31) + 1, (1 << 31) - 1, 1518500250, -1010580540],
        np.int64,
    )
).astype(np.int32)
SHIFTS = np.arange(32, dtype=np.int32)

s32 = st.integers(-(1 << 31), (1 << 31) - 1)


def half_up(x: Fraction) -> int:
    """Round a fraction, ties up."""
    return floor(x + Fraction(1, 2))


def half_away(x: Fraction) -> int:
    """Round a fraction, ties away from zero."""
    return half_up(x) if x >= 0 else -half_up(-x)


def sat(x: int, bits: int) -> int:
    """Clamp to a signed type."""
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, x))


def both(name: str, *args: object) -> np.ndarray:
    """Return what NumPy computes, after comparing it with C."""
    expected = getattr(n, name)(*args)
    actual = getattr(c, name)(*args)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
    return expected
