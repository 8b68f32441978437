"""The NEON header against the scalar one, 32 and 64 bit, under an emulator."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from edgeq.host.build import Build, build_program
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.resources import runtime_dir
from edgeq.targets import target
from tests.numerics.exact import EDGES_S32

HEADERS = ("edgeq_fixed_point.h", "edgeq_fixed_point_neon.h")
WARNINGS = "-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror".split()
ROUNDINGS = ("gemmlowp", "half_up", "single")
ZEROS = (-128, -5, 0, 127)
MULTIPLIERS = (0, 1, 1 << 30, (1 << 30) + 1, 1319413953, (1 << 31) - 2, (1 << 31) - 1)

RESCALED = """
static void {0}(OPERANDS)
{{
    (void)zero;
    vst1q_s32(y, edgeq_{0}_s32x4(vld1q_s32(acc), vld1q_s32(m), vld1q_s32(s)));
    vst1q_s32(y + 4, edgeq_{0}_s32x4(vld1q_s32(acc + 4), vld1q_s32(m + 4), vld1q_s32(s + 4)));
    for (int i = 0; i < 8; ++i) {{
        z[i] = edgeq_{0}_s32(acc[i], m[i], {1}s[i]);
    }}
}}
"""
CODES = """
static void {0}_{1}(OPERANDS)
{{
    const int32x4_t away = vdupq_n_s32({2});
    const int32x4_t s0 = vaddq_s32(vld1q_s32(s), away);
    const int32x4_t s1 = vaddq_s32(vld1q_s32(s + 4), away);
    const int32x4_t m0 = vld1q_s32(m);
    const int32x4_t m1 = vld1q_s32(m + 4);

    store_{1}(y, edgeq_{0}_{1}_s16x8(vld1q_s32(acc), vld1q_s32(acc + 4), m0, m1, s0, s1), zero);
    for (int i = 0; i < 8; ++i) {{
        z[i] = code(edgeq_requant_{0}_s32(acc[i], m[i], s[i]), zero);
    }}
}}
"""
# What every program holds: codes in both widths, which must be the same, and the float forms.
SHARED = """
#include <stdio.h>
#include <string.h>

/* Eight lanes of each; y is for the answers of vectors, z for those of scalars. */
#define LANES const int32_t *acc, const int32_t *m, const int32_t *s
#define OPERANDS int32_t *y, int32_t *z, LANES, int zero

static int32_t code(int32_t value, int zero)
{
    return edgeq_clamp_s32(edgeq_clamp_s32(value, -1000, 1000) + zero, -128, 127);
}

static void widened(int32_t *y, int8x8_t low, int8x16_t both)
{
    int8_t one[8], two[16];

    vst1_s8(one, low);
    vst1q_s8(two, both);
    for (int i = 0; i < 8; ++i) {
        y[i] = one[i] == two[i] && one[i] == two[15 - i] ? one[i] : 1000;
    }
}

static int16x8_t backward(int16x8_t x)
{
    const int16x8_t pairs = vrev64q_s16(x);

    return vcombine_s16(vget_high_s16(pairs), vget_low_s16(pairs));
}

static void store_q0(int32_t *y, int16x8_t x, int zero)
{
    const int16_t z = (int16_t)zero;

    widened(y, edgeq_codes_q0_s8x8(x, z), edgeq_codes_q0_s8x16(x, backward(x), z));
}

static void store_q6(int32_t *y, int16x8_t x, int zero)
{
    const int16_t z = (int16_t)zero;

    widened(y, edgeq_codes_q6_s8x8(x, z), edgeq_codes_q6_s8x16(x, backward(x), z));
}

static void upper_halves(OPERANDS)
{
    int16_t halves[8];

    (void)m, (void)s, (void)zero;
    vst1q_s16(halves, edgeq_upper_halves_s16x8(vld1q_s32(acc), vld1q_s32(acc + 4)));
    for (int i = 0; i < 8; ++i) {
        y[i] = halves[i];
        z[i] = edgeq_shift_right_up_s32(acc[i] & ~0xffff, 16);
    }
}

static void float32(OPERANDS)
{
    float scale[8];

    (void)s;
    memcpy(scale, m, sizeof scale);
    const float32x4_t s0 = vld1q_f32(scale);
    const float32x4_t s1 = vld1q_f32(scale + 4);

    store_q0(y, edgeq_float32_q0_s16x8(vld1q_s32(acc), vld1q_s32(acc + 4), s0, s1), zero);
    for (int i = 0; i < 8; ++i) {
        z[i] = code(edgeq_requant_float32_s32(acc[i], scale[i]), zero);
    }
}

/* Wider than any code: what the header promises of the 32-bit lanes themselves. */
static void float32_lanes(OPERANDS)
{
    float scale[8];

    (void)s, (void)zero;
    memcpy(scale, m, sizeof scale);
    vst1q_s32(y, edgeq_float32_q0_s32x4(vld1q_s32(acc), vld1q_f32(scale)));
    vst1q_s32(y + 4, edgeq_float32_q0_s32x4(vld1q_s32(acc + 4), vld1q_f32(scale + 4)));
    for (int i = 0; i < 8; ++i) {
        y[i] = edgeq_clamp_s32(y[i], -4194303, 4194303);
        z[i] = edgeq_clamp_s32(edgeq_requant_float32_s32(acc[i], scale[i]), -4194303, 4194303);
    }
}
"""
# Blocks of a function's number, a zero point and eight numbers of each operand, to the end.
MAIN = """
int main(void)
{{
    static void (*const functions[])(OPERANDS) = {{{0}}};
    int32_t block[26];
    int32_t y[16];

    while (fread(block, sizeof block, 1, stdin) == 1) {{
        functions[block[0]](y, y + 8, block + 2, block + 10, block + 18, block[1]);
        if (fwrite(y, sizeof y, 1, stdout) != 1) {{
            return 1;
        }}
    }}
    return 0;
}}
"""
FUNCTIONS = (
    *(f"requant_{rounding}{right}" for rounding in ROUNDINGS for right in ("", "_right")),
    *(f"{rounding}_{form}" for rounding in ROUNDINGS for form in ("q0", "q6")),
    "upper_halves",
    "float32",
    "float32_lanes",
)
Block = tuple[str, int, np.ndarray, np.ndarray, np.ndarray]


def source() -> str:
    """Return a program that computes each function twice, by vectors and by scalars."""
    parts = [f'#include "{name}"\n' for name in HEADERS] + [SHARED]
    for rounding in ROUNDINGS:
        # The scalar _right forms take the amount of the shift, the lanes a shift to the left.
        for right, sign in (("", ""), ("_right", "-")):
            parts.append(RESCALED.format(f"requant_{rounding}{right}", sign))
        parts += [CODES.format(rounding, form, away) for form, away in (("q0", 0), ("q6", 22))]
    return "".join(parts) + MAIN.format(", ".join(FUNCTIONS))


class Program:
    """The built program and the emulator that runs it."""

    def __init__(self, build: Build, emulator: Sequence[str]) -> None:
        self.command = (*emulator, str(build.library))

    def compare(self, blocks: Sequence[Block]) -> np.ndarray:
        """Fail unless vectors equal scalars; return the results."""
        words = [np.zeros((0, 26), np.int32)]
        for name, zero, *arrays in blocks:
            count = -(-arrays[0].size // 8)
            head = np.tile(np.array([FUNCTIONS.index(name), zero], np.int32), (count, 1))
            lanes = [np.resize(a.view(np.int32), (count, 8)) for a in arrays]
            words.append(np.hstack([head, *lanes]))
        data = np.concatenate(words).astype("<i4").tobytes()
        done = subprocess.run(self.command, input=data, capture_output=True, check=True, timeout=60)
        got = np.frombuffer(done.stdout, "<i4").reshape(-1, 2, 8)
        assert len(got) == sum(map(len, words))
        wrong = np.argwhere(got[:, 0] != got[:, 1])
        first = np.concatenate(words)[wrong[0][0]].tolist() if len(wrong) else []
        assert not len(wrong), f"{FUNCTIONS[first[0]]}, lane {wrong[0][1]} of {first[1:]}"
        return got[:, 0]


@pytest.fixture(scope="module", params=["aarch64", "armv7-neon"])
def program(request: pytest.FixtureRequest) -> Iterator[Program]:
    chosen = target(request.param)
    tools = cross_toolchain(chosen)
    headers = {f"src/{h}": (runtime_dir() / "include" / h).read_text("utf-8") for h in HEADERS}
    main = {"main.c": source().replace('"edgeq_', '"../src/edgeq_')}
    flags = [*tools.flags, *WARNINGS, "-Wno-unused-function"]
    empty = {"src/empty.c": "extern const int empty;\nconst int empty = 0;\n"}
    with build_program({**headers, **empty}, main, compiler=tools.compiler, flags=flags) as build:
        yield Program(build, find_emulator(chosen))


def shifts_of(name: str) -> np.ndarray:
    """Return every shift that a function takes."""
    if name.endswith("_q6"):
        return np.arange(-31, 0)
    return np.arange(-31, 1 if name.endswith("_right") else 31)


INTEGER = [name for name in FUNCTIONS if name.endswith(("_q0", "_q6")) or "requant" in name]


@pytest.mark.parametrize("name", INTEGER)
def test_both_ends_and_every_shift(program: Program, name: str) -> None:
    grid = np.meshgrid(EDGES_S32, np.array(MULTIPLIERS), shifts_of(name), indexing="ij")
    arrays = [a.astype(np.int32).ravel() for a in grid]
    zeros = ZEROS if "_q" in name else (0,)
    results = program.compare([(name, zero, *arrays) for zero in zeros])
    assert len(np.unique(results)) > 100


@pytest.mark.parametrize("name", INTEGER)
def test_ties_and_random_numbers(program: Program, name: str) -> None:
    rng = np.random.default_rng(1)
    count = 1 << 15
    shift = rng.choice(shifts_of(name), count).astype(np.int32)
    away = np.minimum(np.maximum(-shift, 0), 20)
    ties = ((rng.integers(-1000, 1000, count) * 2 + 1) << away).astype(np.int32)
    halves = np.full(count, 1 << 30, np.int32)
    acc = rng.integers(-(1 << 31), 1 << 31, count).astype(np.int32)
    multiplier = rng.integers(0, 1 << 31, count).astype(np.int32)
    smaller = acc >> rng.integers(0, 31, count).astype(np.int32)
    program.compare(
        [
            (name, -3, ties, halves, shift),
            (name, 4, acc, multiplier, shift),
            (name, 0, smaller, multiplier, shift),
        ]
    )


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_codes_about_every_bound(program: Program, rounding: str) -> None:
    """Quarters of codes from far below the least code to far above the largest."""
    quarters = np.arange(-2200, 2200, dtype=np.int32)
    halves = np.full(quarters.shape, 1 << 30, np.int32)
    # acc * 2^30 * 2^(shift - 31): acc / 4 at shift -1, and at -9 when acc is 2^8 times that.
    arrays = [(quarters << up, halves, np.full(quarters.shape, -1 - up)) for up in (0, 8, 18)]
    blocks: list[Block] = [
        (f"{rounding}_{form}", zero, x, m, s.astype(np.int32))
        for form in ("q0", "q6")
        for zero in range(-128, 128, 15)
        for x, m, s in arrays
    ]
    assert len(np.unique(program.compare(blocks))) == 256


def test_upper_halves(program: Program) -> None:
    rng = np.random.default_rng(3)
    words = np.r_[EDGES_S32, rng.integers(-(1 << 31), 1 << 31, 1000).astype(np.int32)]
    program.compare([("upper_halves", 0, words, words, words)])


@pytest.mark.parametrize("name", ["float32", "float32_lanes"])
def test_float32_scales(program: Program, name: str) -> None:
    rng = np.random.default_rng(2)
    scales = np.array([2.0**e for e in range(-149, 128)] + [0.0, 0.1, 1 / 3, 1.5, 3e38], np.float32)
    acc, scale = (a.ravel() for a in np.meshgrid(EDGES_S32, scales))
    odd = rng.integers(-5000, 5000, 20_000).astype(np.int32)
    half = np.full(odd.shape, 0.5, np.float32)
    some = rng.uniform(0, 1, odd.shape).astype(np.float32)
    blocks = [(acc, scale), (odd, half), (odd << 16, some), (odd, some)]
    program.compare([(name, zero, x, s, x) for zero in ZEROS for x, s in blocks])
