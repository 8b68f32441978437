"""Functions of Q numbers: C against NumPy, exhaustively on 16 bits, and both near the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from edgeq import _fixed_point as c
from edgeq import numerics as n
from tests.numerics.exact import ALL_S16, EDGES_S32, both, s32

RANDOM_S32 = np.random.default_rng(7).integers(-(1 << 31), 1 << 31, 100_000).astype(np.int32)
SAMPLE = np.unique(np.concatenate([EDGES_S32, RANDOM_S32]))
NOT_NEGATIVE = SAMPLE[SAMPLE >= 0]


@pytest.mark.parametrize("name", ["logistic_q3_s16", "tanh_q3_s16"])
def test_16_bits_exhaustively(name: str) -> None:
    both(name, ALL_S16)


@pytest.mark.parametrize("m", range(7))
def test_tanh_of_any_integer_bits(m: int) -> None:
    y = both("tanh_qm_s16", ALL_S16, m)
    truth = np.tanh(ALL_S16 * 2.0 ** (m - 15))
    np.testing.assert_array_less(np.abs(y * 2.0**-15 - truth), 2.0**-9)


@pytest.mark.parametrize("name", ["logistic_q4_s32", "tanh_q4_s32"])
def test_sigmoids(name: str) -> None:
    y = both(name, SAMPLE)
    assert (np.diff(y.astype(np.int64)) >= -64).all()


@given(s32)
def test_sigmoids_anywhere(a: int) -> None:
    both("logistic_q4_s32", a)
    both("tanh_q4_s32", a)


def test_exponential() -> None:
    a = SAMPLE[SAMPLE <= 0]
    y = both("exp_neg_q5_s32", a)
    np.testing.assert_array_less(np.abs(y / 2.0**31 - np.exp(a / 2.0**26)), 2.0**-20)
    assert n.exp_neg_q5_s32(0) == (1 << 31) - 1


def test_reciprocal() -> None:
    y = both("reciprocal_1p_s32", NOT_NEGATIVE)
    truth = 1.0 / (1.0 + NOT_NEGATIVE / 2.0**31)
    np.testing.assert_array_less(np.abs(y / 2.0**31 - truth), 2.0**-26)


def test_inverse_square_root() -> None:
    x = np.unique(np.concatenate([NOT_NEGATIVE, np.arange(5000)]))
    for actual, expected in zip(c.inv_sqrt_s32(x), n.inv_sqrt_s32(x), strict=True):
        np.testing.assert_array_equal(actual, expected)
    multiplier, shift = n.inv_sqrt_s32(x)
    assert multiplier.min() > 0
    assert shift.max() == 0
    ratio = multiplier * 2.0 ** (shift - 31) * np.sqrt(np.maximum(x, 1))
    np.testing.assert_array_less(np.abs(ratio - 1.0), 2.0**-19)


def test_logarithm() -> None:
    x = np.unique(np.concatenate([NOT_NEGATIVE[NOT_NEGATIVE >= 1 << 19], 1 << np.arange(19, 31)]))
    y = both("log_q12_s32", x)
    np.testing.assert_array_less(np.abs(y / 2.0**26 - np.log(x / 2.0**19)), 2.0**-22)
    both("log_q12_s32", np.arange(1, 5000))


def test_golden_values() -> None:
    assert n.exp_neg_q5_s32(-(1 << 24)) == 1672462419
    assert n.logistic_q4_s32([1 << 27, -(1 << 27)]).tolist() == [1569936226, 577547421]
    assert n.tanh_q4_s32(1 << 27) == 1635510876
    assert (n.logistic_q3_s16(4096), n.tanh_q3_s16(4096)) == (23952, 24964)
