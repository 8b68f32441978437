"""Each AVX-512 intrinsic that kernels use: NumPy, the model, and the processor where it has it."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edgeq.resources import runtime_dir
from tests.numerics.avx512 import BUILD_IDS, BUILDS, address, built
from tests.numerics.exact import EDGES_S32

Bytes = np.ndarray  # [vectors, 64]
MASK = 0xB5C3
LONG_MASK = 0x8F0F3355A5C3F00F
BYTES = np.array([0, 1, 2, 15, 16, 63, 64, 126, 127, 128, 129, 191, 254, 255], np.uint8)

# Intrinsics of two vectors: C on a and b, NumPy on their lanes of a type.
BINARY: dict[str, tuple[str, type, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "and_si512": ("(a, b)", np.uint64, np.bitwise_and),
    "xor_si512": ("(a, b)", np.uint64, np.bitwise_xor),
    "add_epi32": ("(a, b)", np.uint32, np.add),
    "sub_epi32": ("(a, b)", np.uint32, np.subtract),
    "add_epi64": ("(a, b)", np.uint64, np.add),
    "min_epi32": ("(a, b)", np.int32, np.minimum),
    "max_epi32": ("(a, b)", np.int32, np.maximum),
    "mul_epi32": ("(a, b)", np.int64, lambda a, b: _low(a) * _low(b)),
    "sllv_epi32": ("(a, b)", np.uint32, lambda a, b: _shift(np.left_shift, a, b, 32)),
    "srav_epi32": ("(a, b)", np.int32, lambda a, b: a >> np.minimum(b.view(np.uint32), 31)),
    "srlv_epi64": ("(a, b)", np.uint64, lambda a, b: _shift(np.right_shift, a, b, 64)),
    "permutexvar_epi32": ("(a, b)", np.uint32, lambda a, b: np.take_along_axis(b, a & 15, 1)),
    "shuffle_epi8": ("(a, b)", np.uint8, lambda a, b: _shuffled(a, b)),
    "srai_epi32": ("(a, 7)", np.int32, lambda a, b: a >> 7),
    "srli_epi32": ("(a, 9)", np.uint32, lambda a, b: a >> 9),
    "srli_epi64": ("(a, 32)", np.uint64, lambda a, b: a >> np.uint64(32)),
    "slli_epi64": ("(a, 32)", np.uint64, lambda a, b: a << np.uint64(32)),
    "mask_blend_epi32": (f"({MASK}, a, b)", np.int32, lambda a, b: np.where(_bits(16), b, a)),
    "maskz_mov_epi32": (f"({MASK}, a)", np.int32, lambda a, b: np.where(_bits(16), a, 0)),
    "mask_add_epi32": (
        f"(a, {MASK}, a, b)",
        np.uint32,
        lambda a, b: np.where(_bits(16), a + b, a),
    ),
    "mask_shuffle_epi32": (
        f"(a, {MASK}, b, _MM_PERM_DDBB)",
        np.int32,
        lambda a, b: np.where(_bits(16), b[:, np.arange(16) | 1], a),
    ),
    "dpbusd_epi32": ("(a, a, b)", np.uint8, lambda a, b: _dots(a, b)),
}
# What takes or gives something else: a statement that reads a and b and writes to y.
OTHER: dict[str, tuple[str, Callable[[Bytes, Bytes], np.ndarray]]] = {
    "loadu_si512": ("_mm512_storeu_si512(y, _mm512_loadu_si512(p))", lambda a, b: a),
    "maskz_loadu_epi8": (
        f"_mm512_storeu_si512(y, _mm512_maskz_loadu_epi8({LONG_MASK}u, p))",
        lambda a, b: np.where(_bits(64), a, 0),
    ),
    "mask_storeu_epi8": (
        f"_mm512_mask_storeu_epi8(y, {LONG_MASK}u, a)",
        lambda a, b: np.where(_bits(64), a, 0xEE),
    ),
    "maskz_loadu_epi8_x16": (
        f"_mm_storeu_si128((__m128i *)(void *)y, _mm_maskz_loadu_epi8({MASK}, p))",
        lambda a, b: _first(np.where(_bits(16), a[:, :16], 0)),
    ),
    "mask_storeu_epi8_x16": (
        f"_mm_mask_storeu_epi8(y, {MASK}, _mm_loadu_si128((const __m128i *)p))",
        lambda a, b: _first(np.where(_bits(16), a[:, :16], 0xEE)),
    ),
    "setzero_si512": ("_mm512_storeu_si512(y, _mm512_setzero_si512())", lambda a, b: 0 * a),
    "set1_epi8": ("_mm512_storeu_si512(y, _mm512_set1_epi8(-3))", lambda a, b: _same(a, -3, "i1")),
    "set1_epi32": (
        "_mm512_storeu_si512(y, _mm512_set1_epi32(-70000))",
        lambda a, b: _same(a, -70000, "i4"),
    ),
    "set1_epi64": (
        "_mm512_storeu_si512(y, _mm512_set1_epi64(-5000000000))",
        lambda a, b: _same(a, -5000000000, "i8"),
    ),
    "setr_epi32": (
        f"_mm512_storeu_si512(y, _mm512_setr_epi32({', '.join(map(str, range(16)))}))",
        lambda a, b: _same(a, np.arange(16), "i4"),
    ),
    "set4_epi32": (
        "_mm512_storeu_si512(y, _mm512_set4_epi32(4, 3, 2, 1))",
        lambda a, b: _same(a, np.tile([1, 2, 3, 4], 4), "i4"),
    ),
    "castsi128_si512": (
        # Only the low lane is defined: the others are written before they are stored.
        "const __m128i low = _mm_loadu_si128((const __m128i *)p);"
        "const __m512i one = _mm512_inserti32x4(_mm512_castsi128_si512(low), low, 1);"
        "_mm512_storeu_si512(y, _mm512_inserti32x4(_mm512_inserti32x4(one, low, 2), low, 3))",
        lambda a, b: np.tile(a[:, :16], 4),
    ),
    "inserti32x4": (
        "_mm512_storeu_si512(y, _mm512_inserti32x4(b, _mm_loadu_si128((const __m128i *)p), 2))",
        lambda a, b: np.hstack([b[:, :32], a[:, :16], b[:, 48:]]),
    ),
    "cmpgt_epi32_mask": (
        "const __mmask16 k = _mm512_cmpgt_epi32_mask(a, b); memcpy(y, &k, 2)",
        lambda a, b: _first(np.packbits(_s32(a) > _s32(b), axis=1, bitorder="little")),
    ),
    "reduce_add_epi32": (
        "const int32_t sum = _mm512_reduce_add_epi32(a); memcpy(y, &sum, 4)",
        lambda a, b: _first(_s32(a).sum(axis=1, dtype=np.int32)[:, None].view(np.uint8)),
    ),
    "cvtepi8_epi32": (
        "_mm512_storeu_si512(y, _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)))",
        lambda a, b: a[:, :16].view(np.int8).astype(np.int32).view(np.uint8),
    ),
    "cvtsepi32_epi8": (
        "_mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtsepi32_epi8(a))",
        lambda a, b: _first(np.clip(_s32(a), -128, 127).astype(np.int8).view(np.uint8)),
    ),
}
# Those of float lanes go through memory too: vectors of another type.
FLOAT: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "mul_ps": ("_mm512_mul_ps(f, g)", lambda f, g: f * g),
    "max_ps": ("_mm512_max_ps(f, g)", lambda f, g: np.where(f > g, f, g)),
    "min_ps": ("_mm512_min_ps(f, g)", lambda f, g: np.where(f < g, f, g)),
    "set1_ps": ("_mm512_set1_ps(-1.5f)", lambda f, g: np.full_like(f, -1.5)),
    "cvtepi32_ps": ("_mm512_cvtepi32_ps(a)", lambda f, g: f.view(np.int32).astype(np.float32)),
}
FUNCTION = """
void {name}(uint8_t *y, const uint8_t *p, const uint8_t *q, int n);
void {name}(uint8_t *y, const uint8_t *p, const uint8_t *q, int n)
{{
    for (int i = 0; i < n; ++i, y += 64, p += 64, q += 64) {{
        const __m512i a = _mm512_loadu_si512(p);
        const __m512i b = _mm512_loadu_si512(q);
        const __m512 f = _mm512_loadu_ps(p);
        const __m512 g = _mm512_loadu_ps(q);

        (void)a, (void)b, (void)f, (void)g;
        {body};
    }}
}}
"""
FLOAT_BODY = "const float *const r = (const float *)(const void *)&h; memcpy(y, r, 64)"
CONVERT = "_mm512_storeu_si512(y, _mm512_cvtps_epi32(f))"


def _low(a: np.ndarray) -> np.ndarray:
    return a.view(np.int32)[:, ::2].astype(np.int64)


def _shift(shift: np.ufunc, a: np.ndarray, b: np.ndarray, bits: int) -> np.ndarray:
    return np.where(b < bits, shift(a, np.minimum(b, np.asarray(bits - 1, b.dtype))), 0)


def _shuffled(a: Bytes, b: Bytes) -> Bytes:
    places = (np.arange(64) & 48) | (b & 15)
    return np.where(b < 128, np.take_along_axis(a, places, 1), 0)


def _dots(a: Bytes, b: Bytes) -> Bytes:
    products = a.astype(np.int32) * b.view(np.int8)
    sums = products.reshape(len(a), 16, 4).sum(axis=2, dtype=np.int32)
    return (_s32(a).astype(np.uint32) + sums.astype(np.uint32)).view(np.uint8)


def _bits(count: int) -> np.ndarray:
    mask = MASK if count == 16 else LONG_MASK
    return np.array([mask >> i & 1 for i in range(count)], bool)


def _first(head: np.ndarray) -> Bytes:
    """Return vectors whose first bytes were written."""
    whole = np.full((len(head), 64), 0xEE, np.uint8)
    whole[:, : head.shape[1]] = head
    return whole


def _same(a: Bytes, value: object, kind: str) -> Bytes:
    lanes = np.broadcast_to(np.asarray(value, kind), (len(a), 64 // np.dtype(kind).itemsize))
    return np.ascontiguousarray(lanes).view(np.uint8)


def _s32(a: Bytes) -> np.ndarray:
    return a.view(np.int32)


def _text() -> str:
    bodies = {
        name: f"_mm512_storeu_si512(y, _mm512_{name}{arguments})"
        for name, (arguments, _, _) in BINARY.items()
    }
    bodies |= {name: body for name, (body, _) in OTHER.items()}
    bodies |= {
        name: f"const __m512 h = {value}; {FLOAT_BODY}" for name, (value, _) in FLOAT.items()
    }
    bodies["cvtps_epi32"] = CONVERT
    return "".join(FUNCTION.format(name=f"f_{name}", body=body) for name, body in bodies.items())


@pytest.fixture(scope="module", params=BUILDS, ids=BUILD_IDS)
def library(request: pytest.FixtureRequest) -> Iterator[ctypes.CDLL]:
    with built(_text(), *request.param) as found:
        yield found


def vectors() -> tuple[Bytes, Bytes]:
    """Return random vectors, small and large lanes, extreme bytes, and every shift."""
    rng = np.random.default_rng(4)
    edges = rng.choice(EDGES_S32, (2, 64, 16)).view(np.uint8)
    few = rng.integers(-70, 70, (2, 64, 16), dtype=np.int32).view(np.uint8)
    wide = np.zeros((2, 64, 8), np.int64)
    wide[0], wide[1] = rng.integers(-(1 << 63), 1 << 63, (64, 8)), rng.integers(0, 80, (64, 8))
    extremes = rng.choice(BYTES, (2, 64, 64))
    noise = rng.integers(0, 256, (2, 256, 64), dtype=np.uint8)
    a, b = np.concatenate([edges, few, wide.view(np.uint8), extremes, noise], axis=1)
    mixed = rng.permutation(len(b))
    return np.concatenate([a, a]), np.concatenate([b, b[mixed]])


def run(library: ctypes.CDLL, name: str, a: np.ndarray, b: np.ndarray) -> Bytes:
    y = np.full((len(a), 64), 0xEE, np.uint8)
    getattr(library, f"f_{name}")(address(y), address(a), address(b), len(a))
    return y


@pytest.mark.parametrize("name", BINARY)
def test_lanes(library: ctypes.CDLL, name: str) -> None:
    _, lane, expected = BINARY[name]
    a, b = vectors()
    want = expected(a.view(lane), b.view(lane)).astype(lane).view(np.uint8)
    np.testing.assert_array_equal(run(library, name, a, b), want)


@pytest.mark.parametrize("name", OTHER)
def test_memory_masks_and_widths(library: ctypes.CDLL, name: str) -> None:
    a, b = vectors()
    np.testing.assert_array_equal(run(library, name, a, b), OTHER[name][1](a, b).astype(np.uint8))


@pytest.mark.parametrize("name", FLOAT)
def test_floats(library: ctypes.CDLL, name: str) -> None:
    rng = np.random.default_rng(5)
    f, g = rng.uniform(-4e9, 4e9, (2, 50, 16)).astype(np.float32)
    f[0], g[0] = [0.0, -0.0, np.nan, 1.0] * 4, [-0.0, 0.0, 1.0, np.nan] * 4
    want = FLOAT[name][1](f, g).astype(np.float32)
    np.testing.assert_array_equal(run(library, name, f, g).view(np.float32), want)


def test_conversion_rounds_ties_to_even(library: ctypes.CDLL) -> None:
    near = np.arange(-20, 20, 0.125)
    ends = np.array([2147483520, 2147483648, 4e9, np.inf, np.nan, 8388607.5, 16777217], np.float64)
    halves = np.nextafter(
        np.float32([0.5, 1.5, 2.5, 0.5, 1.5, 2.5]), np.float32([0, 0, 0, 9, 9, 9])
    )
    values = np.concatenate([near, ends, -ends, halves, -halves]).astype(np.float32)
    f = np.resize(values, (-(-len(values) // 16), 16))
    held = (f >= -(2.0**31)) & (f < 2.0**31)
    want = np.where(held, np.rint(np.where(held, f, 0).astype(np.float64)), -(2.0**31))
    found = run(library, "cvtps_epi32", f, f).view(np.int32)
    np.testing.assert_array_equal(found, want.astype(np.int32))


def test_every_intrinsic_of_the_headers_is_here() -> None:
    text = (runtime_dir() / "include" / "edgeq_fixed_point_avx512.h").read_text("utf-8")
    used = set(re.findall(r"\b_mm512_(\w+)", text))
    model = (runtime_dir() / "emulation" / "edgeq_avx512_model.h").read_text("utf-8")
    defined = set(re.findall(r"#define _mm512_(\w+)", model))
    tested = {*BINARY, *OTHER, *FLOAT, "cvtps_epi32", "storeu_si512", "loadu_ps"}
    assert used <= defined
    assert defined <= tested
