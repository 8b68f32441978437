"""The AVX2 requantizers against the scalar ones: every rounding, every shift, ties, both ends."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from edgeq.host.build import build_shared
from edgeq.host.toolchain import find_compilers
from edgeq.ir.quant import Rounding
from edgeq.resources import runtime_dir
from edgeq.targets import target
from tests.numerics.exact import EDGES_S32
from tests.numerics.short_forms import CODES, check_short_forms, text

TARGET = target("x86-avx2")
HEADERS = ("edgeq_fixed_point.h", "edgeq_fixed_point_avx2.h")
NAMES = tuple(
    f"requant_{rounding}{right}"
    for rounding in ("gemmlowp", "half_up", "single")
    for right in ("_right", "")
)
LANES = """
void {0}(int32_t *y, int32_t *z, const int32_t *acc, const int32_t *m, const int32_t *s, int n);
void {0}(int32_t *y, int32_t *z, const int32_t *acc, const int32_t *m, const int32_t *s, int n)
{{
    for (int i = 0; i < n; i += 8) {{
        const __m256i lanes = edgeq_load_s32x8(acc + i);
        const __m256i shift = edgeq_load_s32x8(s + i);

        edgeq_store_s32x8(y + i, edgeq_{0}_s32x8(lanes, edgeq_load_s32x8(m + i), shift));
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
    for (int i = 0; i < n; i += 8) {
        const __m256i lanes = edgeq_load_s32x8(acc + i);

        edgeq_store_s32x8(y + i, edgeq_requant_float32_s32x8(lanes, _mm256_loadu_ps(s + i)));
    }
    for (int i = 0; i < n; ++i) {
        z[i] = edgeq_requant_float32_s32(acc[i], s[i]);
    }
}
"""
STORE = """
void store(int8_t *y, const int32_t *x, int16_t zero, int8_t low, int8_t high);
void store(int8_t *y, const int32_t *x, int16_t zero, int8_t low, int8_t high)
{
    edgeq_store_s8x8(y, edgeq_load_s32x8(x), zero, low, high);
}
void pack(int8_t *y, const int32_t *x, int32_t low, int32_t high);
void pack(int8_t *y, const int32_t *x, int32_t low, int32_t high)
{
    const __m256i a = edgeq_clamp_s32x8(edgeq_load_s32x8(x), low, high);
    const __m256i b = edgeq_clamp_s32x8(edgeq_load_s32x8(x + 8), low, high);

    edgeq_store_pair_s8x16(y, a, b);
    edgeq_store_apart_s8x16(y + 17, y + 26, a, b);
    edgeq_store_codes_x8(y + 35, a);
}
int32_t sum(const int16_t *x, int32_t count);
int32_t sum(const int16_t *x, int32_t count)
{
    return edgeq_total_s32x8(edgeq_add_run_s16(_mm256_set1_epi32(1), x, count)) - 8;
}
"""
MULTIPLIERS = (0, 1, 1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1)

pytestmark = [pytest.mark.skipif(not TARGET.is_native, reason="the processor has no AVX2")]


@pytest.fixture(scope="module", params=find_compilers(), ids=lambda found: found.name)
def library(request: pytest.FixtureRequest) -> Iterator[ctypes.CDLL]:
    include = "".join(f'#include "{name}"\n' for name in HEADERS)
    code = include + "".join(LANES.format(name) for name in NAMES) + text(8) + FLOAT + STORE
    files = {"src/lanes.c": code}
    files |= {f"src/{h}": (runtime_dir() / "include" / h).read_text("utf-8") for h in HEADERS}
    flags = (*TARGET.flags, *"-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror".split())
    with build_shared(files, "lanes", compiler=request.param, flags=flags) as build:
        yield ctypes.CDLL(str(build.library))


def both(library: ctypes.CDLL, name: str, *arrays: np.ndarray) -> int:
    """Compare vectors with scalars; return how many results there are."""
    count = -(-arrays[0].size // 8) * 8
    flat = [np.resize(a, count) for a in arrays]
    y, z = np.zeros(count, np.int32), np.ones(count, np.int32)
    getattr(library, name)(*(ctypes.c_void_p(a.ctypes.data) for a in (y, z, *flat)), count)
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
    count = 200_000
    shift = rng.integers(0, 32, count) if right else rng.integers(-31, 31, count)
    away = np.minimum(shift if right else np.maximum(-shift, 0), 20)
    ties = (rng.integers(-1000, 1000, count) * 2 + 1) << away
    shift = shift.astype(np.int32)
    halves = np.full(count, 1 << 30, np.int32)
    both(library, name, ties.astype(np.int32), halves, shift)
    acc = rng.integers(-(1 << 31), 1 << 31, count).astype(np.int32)
    multiplier = rng.integers(0, 1 << 31, count).astype(np.int32)
    both(library, name, acc, multiplier, shift)
    both(library, name, acc >> rng.integers(0, 31, count).astype(np.int32), multiplier, shift)


def test_float32_scales(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(2)
    scales = np.array([2.0**e for e in range(-149, 128)] + [0.0, 0.1, 1 / 3, 1.5, 3e38], np.float32)
    acc, scale = np.meshgrid(EDGES_S32, scales)
    both(library, "by_float", acc.ravel(), scale.ravel())
    odd = rng.integers(-5000, 5000, 100_000).astype(np.int32)
    both(library, "by_float", odd, np.full(odd.shape, 0.5, np.float32))
    both(library, "by_float", odd << 16, rng.uniform(0, 1, odd.shape).astype(np.float32))


@pytest.mark.parametrize("zero", [-128, -5, 0, 127])
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-128, 0), (5, 5), (127, 127)])
def test_store_moves_and_clamps(library: ctypes.CDLL, zero: int, low: int, high: int) -> None:
    values = np.resize(np.r_[EDGES_S32, np.arange(-300, 300)], 8 * 100).astype(np.int32)
    y = np.zeros(values.shape, np.int8)
    for i in range(0, len(values), 8):
        pointers = (ctypes.c_void_p(y[i:].ctypes.data), ctypes.c_void_p(values[i:].ctypes.data))
        library.store(*pointers, ctypes.c_int16(zero), ctypes.c_int8(low), ctypes.c_int8(high))
    np.testing.assert_array_equal(y, np.clip(values.astype(np.int64) + zero, low, high))


@pytest.mark.parametrize(("rounding", "zero", "low"), CODES)
def test_short_forms_equal_the_long_ones(
    library: ctypes.CDLL, rounding: Rounding, zero: int, low: int
) -> None:
    check_short_forms(library, rounding, zero, low)


@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-128, 0), (5, 5)])
def test_pairs_of_vectors_are_packed_in_order(library: ctypes.CDLL, low: int, high: int) -> None:
    for x in np.resize(np.r_[EDGES_S32, np.arange(-300, 300)], (50, 16)).astype(np.int32):
        y, row = np.full(44, 77, np.int8), x.copy()
        pointers = (ctypes.c_void_p(y.ctypes.data), ctypes.c_void_p(row.ctypes.data))
        library.pack(*pointers, ctypes.c_int32(low), ctypes.c_int32(high))
        want = np.clip(x, low, high)
        parts = (want, [77], want[:8], [77], want[8:], [77], want[:8], [77])
        np.testing.assert_array_equal(y, np.concatenate(parts))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 73])
def test_sums_of_runs(library: ctypes.CDLL, count: int) -> None:
    x = np.random.default_rng(8).integers(-32768, 32768, count + 16).astype(np.int16)
    found = library.sum(ctypes.c_void_p(x.ctypes.data), ctypes.c_int32(count))
    assert found == x[:count].astype(int).sum()
