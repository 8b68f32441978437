"""Primitives: NumPy against arithmetic on Python integers, C against NumPy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from edgeq import numerics as n
from tests.numerics.exact import (
    ALL_S16,
    EDGES_S16,
    EDGES_S32,
    SHIFTS,
    both,
    half_away,
    half_up,
    s32,
    sat,
)


def test_mulhi_s16_is_the_rounded_product() -> None:
    a, b = np.meshgrid(EDGES_S16, ALL_S16)
    result = both("mulhi_s16", a, b)
    exact = np.floor(a.astype(np.float64) * b / 2**15 + 0.5)
    np.testing.assert_array_equal(result, np.minimum(exact, 32767))


def test_mulhi_s16_of_every_pair_of_bytes_at_the_top() -> None:
    high = (np.arange(-128, 128) << 8).astype(np.int16)
    both("mulhi_s16", *np.meshgrid(high, high + np.int16(1)))


def test_mulhi_s32_of_boundaries() -> None:
    a, b = np.meshgrid(EDGES_S32, EDGES_S32)
    result = both("mulhi_s32", a, b)
    pairs = zip(a.flat, b.flat, strict=True)
    exact = [sat(half_up(Fraction(int(x) * int(y), 1 << 31)), 32) for x, y in pairs]
    assert result.ravel().tolist() == exact


@given(s32, s32)
def test_mulhi_s32(a: int, b: int) -> None:
    assert int(both("mulhi_s32", a, b)) == sat(half_up(Fraction(a * b, 1 << 31)), 32)


ROUNDED = [("shift_right_up", half_up), ("shift_right_away", half_away)]


@pytest.mark.parametrize(("name", "exact"), ROUNDED)
def test_right_shifts_of_boundaries(name: str, exact) -> None:
    x, e = np.meshgrid(EDGES_S32, SHIFTS)
    result = both(f"{name}_s32", x, e)
    pairs = zip(x.flat, e.flat, strict=True)
    assert result.ravel().tolist() == [exact(Fraction(int(v), 1 << int(k))) for v, k in pairs]


@pytest.mark.parametrize(("name", "exact"), ROUNDED)
@pytest.mark.parametrize("sign", [-1, 1])
def test_right_shifts_of_ties(name: str, exact, sign: int) -> None:
    for e in range(1, 31):
        odd = np.arange(1, 1 << min(31 - e, 8), 2, dtype=np.int64)
        ties = sign * odd * (1 << (e - 1))
        result = both(f"{name}_s32", ties.astype(np.int32), e)
        assert result.tolist() == [exact(Fraction(int(v), 1 << e)) for v in ties]


@pytest.mark.parametrize(("name", "exact"), ROUNDED)
def test_right_shifts_s16_exhaustively(name: str, exact) -> None:
    x, e = np.meshgrid(ALL_S16, SHIFTS[:16])
    result = both(f"{name}_s16", x, e)
    np.testing.assert_array_equal(result, getattr(n, f"{name}_s32")(x, e))
    sample = [int(v) for v in EDGES_S16]
    for k in range(16):
        values = getattr(n, f"{name}_s16")(sample, k).tolist()
        assert values == [exact(Fraction(v, 1 << k)) for v in sample]


def test_left_shift_s32_saturates() -> None:
    x, e = np.meshgrid(EDGES_S32, SHIFTS)
    result = both("shift_left_sat_s32", x, e)
    pairs = zip(x.flat, e.flat, strict=True)
    assert result.ravel().tolist() == [sat(int(v) << int(k), 32) for v, k in pairs]


def test_left_shift_s16_exhaustively() -> None:
    x, e = np.meshgrid(ALL_S16, SHIFTS[:16])
    result = both("shift_left_sat_s16", x, e)
    exact = np.clip(x.astype(np.float64) * 2.0**e, -32768, 32767)
    np.testing.assert_array_equal(result, exact)


def test_clamp() -> None:
    result = both("clamp_s32", EDGES_S32, -128, 127)
    assert result.tolist() == [max(-128, min(127, int(v))) for v in EDGES_S32]


def test_count_leading_zeros() -> None:
    values = EDGES_S32.view(np.uint32)
    result = both("count_leading_zeros_u32", values)
    assert result.tolist() == [32 - int(v).bit_length() for v in values]
