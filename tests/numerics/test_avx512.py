"""The AVX-512 requantizers against the scalar ones: every rounding and shift, ties, both ends."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from edgeq.ir.quant import Rounding
from tests.numerics.avx512 import BUILD_IDS, BUILDS, address, built
from tests.numerics.exact import EDGES_S32
from tests.numerics.short_forms import CODES, check_short_forms, text

NAMES = tuple(
    f"requant_{rounding}{right}"
    for rounding in ("gemmlowp", "half_up", "single")
    for right in ("_right", "")
)
LANES = """
void {0}(int32_t *y, int32_t *z, const int32_t *acc, const int32_t *m, const int32_t *s, int n);
void {0}(int32_t *y, int32_t *z, const int32_t *acc, const int32_t *m, const int32_t *s, int n)
{{
    for (int i = 0; i < n; i += 16) {{
        const __m512i lanes = edgeq_load_s32x16(acc + i);
        const __m512i shift = edgeq_load_s32x16(s + i);

        edgeq_store_s32x16(y + i, edgeq_{0}_s32x16(lanes, edgeq_load_s32x16(m + i), shift));
    }}
    for (int i = 0; i < n; ++i) {{
        z[i] = edgeq_{0}_s32(acc[i], m[i], s[i]);
    }}
}}
"""
FLOAT = """
void by_float(int32_t *y, int32_t *z, const int32_t *acc, const float *s, int n);
void by_float(int32_t *y, int32_t *z, const int32_t *acc, const float *s, int n)
{
    for (int i = 0; i < n; i += 16) {
        const __m512i lanes = edgeq_load_s32x16(acc + i);

        edgeq_store_s32x16(y + i, edgeq_requant_float32_s32x16(lanes, _mm512_loadu_ps(s + i)));
    }
    for (int i = 0; i < n; ++i) {
        z[i] = edgeq_requant_float32_s32(acc[i], s[i]);
    }
}
"""
STORE = """
void store(int8_t *y, const int32_t *x, int32_t low, int32_t high, int32_t lanes);
void store(int8_t *y, const int32_t *x, int32_t low, int32_t high, int32_t lanes)
{
    const __m512i codes = edgeq_clamp_s32x16(edgeq_load_s32x16(x), low, high);

    edgeq_store_codes_x16(y, codes);
    edgeq_store_codes_lanes_x16(y + 16, codes, edgeq_lanes_x16(lanes));
}
void raise(uint8_t *y, const int8_t *x, int32_t count);
void raise(uint8_t *y, const int8_t *x, int32_t count)
{
    edgeq_raise_run_s8(y, x, count);
}
int32_t sum(const uint8_t *x, int32_t count);
int32_t sum(const uint8_t *x, int32_t count)
{
    return _mm512_reduce_add_epi32(edgeq_add_run_u8(_mm512_set1_epi32(1), x, count)) - 16;
}
void columns(uint8_t *y, const int8_t *x);
void columns(uint8_t *y, const int8_t *x)
{
    const __m128i a = edgeq_load_codes_x16(x);
    const __m128i b = edgeq_load_codes_x16(x + 16);
    const __m128i c = edgeq_load_codes_x16(x + 32);
    const __m128i d = edgeq_load_codes_lanes_x16(x + 48, 0x7fff);

    _mm512_storeu_si512(y, edgeq_raise_columns_s8x16(a, b, c, d));
}
"""
MULTIPLIERS = (0, 1, 1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1)


@pytest.fixture(scope="module", params=BUILDS, ids=BUILD_IDS)
def library(request: pytest.FixtureRequest) -> Iterator[ctypes.CDLL]:
    lanes = "".join(LANES.format(name) for name in NAMES)
    with built(lanes + text(16) + FLOAT + STORE, *request.param) as found:
        yield found


def both(library: ctypes.CDLL, name: str, *arrays: np.ndarray) -> int:
    """Compare vectors with scalars; return how many results there are."""
    count = -(-arrays[0].size // 16) * 16
    flat = [np.resize(a, count) for a in arrays]
    y, z = np.zeros(count, np.int32), np.ones(count, np.int32)
    getattr(library, name)(*map(address, (y, z, *flat)), count)
    np.testing.assert_array_equal(y, z)
    return len(np.unique(y))


@pytest.mark.parametrize("name", NAMES)
def test_boundaries_and_every_shift(library: ctypes.CDLL, name: str) -> None:
    shifts = np.arange(32) if name.endswith("right") else np.arange(-31, 31)
    grid = np.meshgrid(EDGES_S32, np.array(MULTIPLIERS), shifts, indexing="ij")
    assert both(library, name, *(a.astype(np.int32).ravel() for a in grid)) > 100


@pytest.mark.parametrize("name", NAMES)
def test_ties_and_random_numbers(library: ctypes.CDLL, name: str) -> None:
    rng = np.random.default_rng(1)
    right = name.endswith("right")
    count = 50_000
    shift = rng.integers(0, 32, count) if right else rng.integers(-31, 31, count)
    away = np.minimum(shift if right else np.maximum(-shift, 0), 20)
    ties = (rng.integers(-1000, 1000, count) * 2 + 1) << away
    shift = shift.astype(np.int32)
    both(library, name, ties.astype(np.int32), np.full(count, 1 << 30, np.int32), shift)
    acc = rng.integers(-(1 << 31), 1 << 31, count).astype(np.int32)
    multiplier = rng.integers(0, 1 << 31, count).astype(np.int32)
    both(library, name, acc, multiplier, shift)
    both(library, name, acc >> rng.integers(0, 31, count).astype(np.int32), multiplier, shift)


def test_float32_scales(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(2)
    scales = np.array([2.0**e for e in range(-149, 128)] + [0.0, 0.1, 1 / 3, 1.5, 3e38], np.float32)
    acc, scale = np.meshgrid(EDGES_S32, scales)
    both(library, "by_float", acc.ravel(), scale.ravel())
    odd = rng.integers(-5000, 5000, 50_000).astype(np.int32)
    both(library, "by_float", odd, np.full(odd.shape, 0.5, np.float32))
    both(library, "by_float", odd << 16, rng.uniform(0, 1, odd.shape).astype(np.float32))


@pytest.mark.parametrize(("rounding", "zero", "low"), CODES)
def test_short_forms_equal_the_long_ones(
    library: ctypes.CDLL, rounding: Rounding, zero: int, low: int
) -> None:
    check_short_forms(library, rounding, zero, low)


@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-128, 0), (5, 5), (127, 127)])
def test_store_saturates_and_clamps(library: ctypes.CDLL, low: int, high: int) -> None:
    values = np.resize(np.r_[EDGES_S32, np.arange(-300, 300)], (50, 16)).astype(np.int32)
    for i, row in enumerate(values):
        y = np.full(32, 77, np.int8)
        lanes = 1 + i % 16
        library.store(address(y), address(np.ascontiguousarray(row)), low, high, lanes)
        want = np.clip(row, low, high)
        np.testing.assert_array_equal(y[:16], want)
        np.testing.assert_array_equal(y[16:], np.where(np.arange(16) < lanes, want, 77))


@pytest.mark.parametrize("count", [0, 1, 2, 31, 63, 64, 65, 127, 128, 200])
def test_runs_stay_within_their_length(library: ctypes.CDLL, count: int) -> None:
    x = np.random.default_rng(6).integers(-128, 128, count, dtype=np.int8)
    y = np.full(count + 64, 9, np.uint8)
    library.raise_ = library["raise"]
    library.raise_(address(y), address(x), count)
    np.testing.assert_array_equal(y[:count], x.astype(np.int16) + 128)
    assert (y[count:] == 9).all()
    assert library.sum(address(y), count) == y[:count].astype(int).sum()


def test_columns_are_transposed(library: ctypes.CDLL) -> None:
    x = np.random.default_rng(7).integers(-128, 128, (4, 16), dtype=np.int8)
    x[3, 15] = 0
    y = np.zeros((16, 4), np.uint8)
    library.columns(address(y), address(x))
    np.testing.assert_array_equal(y, x.T.astype(np.int16) + 128)
