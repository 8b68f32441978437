"""Requantizers: NumPy against exact fractions, C against NumPy, and the dispatch."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq import _fixed_point as c
from edgeq import numerics as n
from edgeq.errors import QuantizationError
from edgeq.ir.quant import Requant, Rounding
from tests.numerics.exact import EDGES_S32, both, half_away, half_up, s32

NAMES = ("requant_gemmlowp", "requant_half_up", "requant_single")
MULTIPLIERS = (0, 1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1)
multipliers = st.integers(1 << 30, (1 << 31) - 1)
shifts = st.integers(-31, 30)
# Every float32 exponent that matters, ties of every kind, and both ends of the range.
SCALES = np.array(
    [2.0**e for e in range(-150, 128)] + [0.0, 0.1, 1 / 3, 0.75, 1.5, 2.5, 1e-30, 3e38], np.float32
)


def wrap(x: int) -> int:
    """Keep the low 32 bits."""
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def exact(name: str, acc: int, multiplier: int, shift: int) -> int:
    """Return the definition in NUMERICS.md, on fractions."""
    if name == "requant_single":
        return wrap(half_up(Fraction(acc * multiplier) * Fraction(2) ** (shift - 31)))
    high = half_up(Fraction(wrap(acc << max(shift, 0)) * multiplier, 1 << 31))
    last = half_away if name == "requant_gemmlowp" else half_up
    return last(Fraction(high, 1 << max(-shift, 0)))


@pytest.mark.parametrize("name", NAMES)
def test_boundaries_and_every_shift(name: str) -> None:
    acc, multiplier, shift = np.meshgrid(EDGES_S32, MULTIPLIERS, np.arange(-31, 31))
    both(f"{name}_s32", acc, multiplier, shift)


@pytest.mark.parametrize("name", NAMES)
@given(acc=s32, multiplier=multipliers, shift=shifts)
def test_definition(name: str, acc: int, multiplier: int, shift: int) -> None:
    assert int(both(f"{name}_s32", acc, multiplier, shift)) == exact(name, acc, multiplier, shift)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_ties(name: str, sign: int) -> None:
    for right in range(1, 16):
        acc = sign * np.arange(1, 2000, dtype=np.int64) << right
        result = both(f"{name}_s32", acc, 1 << 30, -right)
        assert result.tolist() == [exact(name, int(v), 1 << 30, -right) for v in acc]


@pytest.mark.parametrize("name", NAMES)
def test_right_form_gives_the_same_bits(name: str) -> None:
    acc, multiplier, right = np.meshgrid(EDGES_S32, MULTIPLIERS, np.arange(32))
    result = both(f"{name}_right_s32", acc, multiplier, right)
    np.testing.assert_array_equal(result, getattr(n, f"{name}_s32")(acc, multiplier, -right))


def test_worked_example() -> None:
    acc, shift = np.array([-384, -640, 384, 640]), -7
    assert n.requant_gemmlowp_s32(acc, 1 << 30, shift).tolist() == [-2, -3, 2, 3]
    assert n.requant_half_up_s32(acc, 1 << 30, shift).tolist() == [-1, -2, 2, 3]
    assert n.requant_single_s32(acc, 1 << 30, shift).tolist() == [-1, -2, 2, 3]
    assert n.requant_float32_s32(acc, 2.0**-8).tolist() == [-2, -2, 2, 2]


def test_float32_boundaries() -> None:
    acc, scale = np.meshgrid(EDGES_S32, SCALES)
    result = both("requant_float32_s32", acc, scale)
    with np.errstate(over="ignore", under="ignore"):
        product = acc.astype(np.float32) * scale
    limit = (1 << 31) - 128
    # round() of a Python float is exact and half to even.
    rounded = [round(float(np.clip(p, -limit, limit))) for p in product.flat]
    assert result.ravel().tolist() == rounded


@given(acc=s32, scale=st.floats(0.0, 4.0, width=32))
def test_float32(acc: int, scale: float) -> None:
    limit = (1 << 31) - 128
    product = float(np.float32(acc) * np.float32(scale))
    assert int(both("requant_float32_s32", acc, scale)) == max(-limit, min(limit, round(product)))


def test_float32_ties_go_to_even() -> None:
    acc = np.arange(-4001, 4001, 2)
    assert both("requant_float32_s32", acc, 0.5).tolist() == [round(v / 2) for v in acc.tolist()]


@given(acc=st.integers(-(1 << 47) + 1, (1 << 47) - 1), m=multipliers, shift=st.integers(-31, 7))
def test_s64(acc: int, m: int, shift: int) -> None:
    reduced = min((m + (1 << 15)) >> 16, 32767)
    expected = wrap(half_up(Fraction(acc * reduced) * Fraction(2) ** (shift - 15)))
    assert int(both("requant_s64", acc, m, shift)) == expected


@pytest.mark.parametrize(
    ("rounding", "function"),
    [
        (Rounding.GEMMLOWP, n.requant_gemmlowp_s32),
        (Rounding.HALF_UP, n.requant_half_up_s32),
        (Rounding.SINGLE, n.requant_single_s32),
    ],
)
def test_requantize_dispatches_and_broadcasts(rounding: Rounding, function) -> None:
    acc = np.random.default_rng(1).integers(-(2**24), 2**24, (3, 5, 4)).astype(np.int32)
    requant = Requant(rounding, (1 << 30, 1319413953, 2000000000, (1 << 31) - 1), (-7, 1, 0, -20))
    expected = np.stack(
        [function(acc[..., i], requant.multiplier[i], requant.shift[i]) for i in range(4)], -1
    )
    result = n.requantize(acc, requant)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)
    moved = n.requantize(np.moveaxis(acc, -1, 1), requant, axis=1)
    np.testing.assert_array_equal(moved, np.moveaxis(expected, -1, 1))
    one = Requant(rounding, (1319413953,), (-11,))
    np.testing.assert_array_equal(n.requantize(acc, one), function(acc, 1319413953, -11))


def test_requantize_float32() -> None:
    acc = np.arange(-64, 64, dtype=np.int32).reshape(32, 4)
    requant = n.requant_from_scale([0.5, 0.25, 0.1, 3.0], Rounding.FLOAT32)
    expected = c.requant_float32_s32(acc, np.array(requant.scale, np.float32))
    np.testing.assert_array_equal(n.requantize(acc, requant), expected)
    assert requant.channels == 4


def test_requantize_rejects_wide_accumulators() -> None:
    requant = n.requant_from_scale([0.5], Rounding.GEMMLOWP)
    with pytest.raises(TypeError):
        n.requantize(np.zeros(3, np.int64), requant)
    wide = np.array([1 << 40, -(1 << 40)])
    expected = c.requant_s64(wide, 1 << 30, 0)
    np.testing.assert_array_equal(n.requantize_s64(wide, requant), expected)


@given(st.floats(2.0**-30, 2.0**29))
def test_multiplier_is_the_nearest(real: float) -> None:
    multiplier, shift = n.quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    error = abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real))
    assert error <= Fraction(2) ** (shift - 32)


def test_multiplier_edges() -> None:
    assert n.quantize_multiplier(0.0) == (0, 0)
    assert n.quantize_multiplier(1.0) == (1 << 30, 1)
    assert n.quantize_multiplier(1.0 - 2.0**-40) == (1 << 30, 1)
    assert n.quantize_multiplier(2.0**-32) == (1 << 30, -31)
    assert n.quantize_multiplier(2.0**-33) == (0, 0)


@pytest.mark.parametrize("real", [-1.0, float("nan"), float("inf"), 2.0**30])
def test_impossible_factors(real: float) -> None:
    with pytest.raises(QuantizationError):
        n.quantize_multiplier(real)
    with pytest.raises(QuantizationError):
        n.requant_from_scale([0.5, real], Rounding.SINGLE)


@pytest.mark.parametrize("real", [-1.0, float("nan"), 1e39])
def test_impossible_float32_factors(real: float) -> None:
    with pytest.raises(QuantizationError):
        n.requant_from_scale([real], Rounding.FLOAT32)
