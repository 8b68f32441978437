"""Every answer of the compiled reference, in both of its rounding builds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeq import _fixed_point as c
from edgeq import numerics as n
from edgeq.ir.quant import Rounding
from edgeq.numerics import activations as act
from edgeq.numerics import quantize_multiplier, requant_from_scale, requantize
from tests.numerics.exact import both
from tests.numerics.vectors import BUILDS, CASES, Build, load

Check = Callable[[Build], int]


def unary(kind: str, name: str) -> Check:
    def check(build: Build) -> int:
        raw, answer = build.columns(kind)
        np.testing.assert_array_equal(both(name, raw), answer)
        return answer.size

    return check


def binary(kind: str, name: str) -> Check:
    def check(build: Build) -> int:
        a, b, answer = build.columns(kind)
        np.testing.assert_array_equal(both(name, a, b), answer)
        return answer.size

    return check


def multiplier(build: Build) -> int:
    for real, *answer in build.lines["QM"]:
        assert quantize_multiplier(float.fromhex(real)) == tuple(map(int, answer))
    return len(build.lines["QM"])


def rescale(build: Build) -> int:
    name = {Rounding.GEMMLOWP: "requant_gemmlowp_s32", Rounding.SINGLE: "requant_single_s32"}
    acc, mult, shift, answer = build.columns("MBQM")
    np.testing.assert_array_equal(both(name[build.rounding], acc, mult, shift), answer)
    return answer.size


def rescale_wide(build: Build) -> int:
    acc, mult, shift, answer = build.columns("MBQM64")
    np.testing.assert_array_equal(both("requant_s64", acc, mult, shift), answer)
    return answer.size


def sigmoid_s8(kind: str, function: Callable) -> Check:
    def check(build: Build) -> int:
        for (scale, zero), (q, answer) in build.by_parameters(kind, 2).items():
            y = function(q, float.fromhex(scale), int(zero), build.rounding)
            np.testing.assert_array_equal(y, answer)
        return len(build.lines[kind])

    return check


def sigmoid_s16(kind: str, function: Callable) -> Check:
    def check(build: Build) -> int:
        for (mult, left), (q, answer) in build.by_parameters(kind, 2).items():
            np.testing.assert_array_equal(function(q, int(mult), int(left)), answer)
        return len(build.lines[kind])

    return check


def softmax(build: Build) -> int:
    for beta_scale, count, *codes in build.lines["SOFTMAX"]:
        q, answer = np.array(codes, np.int64).reshape(2, int(count))
        y = act.softmax_s8(q[None], float.fromhex(beta_scale), np.int8, build.rounding)
        np.testing.assert_array_equal(y[0], answer)
    return len(build.lines["SOFTMAX"])


def rescaled(acc: np.ndarray, factor: float, rounding: Rounding) -> np.ndarray:
    requant = requant_from_scale([factor], rounding)
    return requantize(acc.astype(np.int32), requant).astype(np.int64)


def add(build: Build) -> int:
    for key, (a, b, answer) in build.by_parameters("ADD", 6).items():
        s1, s2, s_out = (float.fromhex(field) for field in key[:3])
        z1, z2, z_out = map(int, key[3:])
        twice = 2.0 * max(s1, s2)
        total = rescaled((a - z1) << 20, s1 / twice, build.rounding)
        total += rescaled((b - z2) << 20, s2 / twice, build.rounding)
        y = rescaled(total, twice / (2**20 * s_out), build.rounding) + z_out
        np.testing.assert_array_equal(act.saturate_s8(y), answer)
    return len(build.lines["ADD"])


def mul(build: Build) -> int:
    for key, (a, b, answer) in build.by_parameters("MUL", 6).items():
        s1, s2, s_out = (np.float32(float.fromhex(field)) for field in key[:3])
        z1, z2, z_out = map(int, key[3:])
        y = rescaled((a - z1) * (b - z2), float(s1 * s2 / s_out), build.rounding) + z_out
        np.testing.assert_array_equal(act.saturate_s8(y), answer)
    return len(build.lines["MUL"])


def hard_swish(build: Build) -> int:
    for (s_in, s_out, z_in, z_out), (q, answer) in build.by_parameters("HSWISH", 4).items():
        scales = float.fromhex(s_in), float.fromhex(s_out)
        y = act.hard_swish_s8(q, scales[0], int(z_in), scales[1], int(z_out))
        np.testing.assert_array_equal(y, answer)
    return len(build.lines["HSWISH"])


def l2norm(build: Build) -> int:
    for zero, count, *codes in build.lines["L2NORM"]:
        q, answer = np.array(codes, np.int64).reshape(2, int(count))
        y = act.l2norm_s8(q[None], int(zero), build.rounding)
        np.testing.assert_array_equal(y[0], answer)
        total = ((q - int(zero)) ** 2).sum()
        for part, expected in zip(c.inv_sqrt_s32(total), n.inv_sqrt_s32(total), strict=True):
            np.testing.assert_array_equal(part, expected)
    return len(build.lines["L2NORM"])


CHECKS: dict[str, Check] = {
    "SRDHM": binary("SRDHM", "mulhi_s32"),
    "SRDHM16": binary("SRDHM16", "mulhi_s16"),
    "RDPOT": binary("RDPOT", "shift_right_away_s32"),
    "QM": multiplier,
    "MBQM": rescale,
    "MBQM64": rescale_wide,
    "EXP5": unary("EXP5", "exp_neg_q5_s32"),
    "LOG4": unary("LOG4", "logistic_q4_s32"),
    "TANH4": unary("TANH4", "tanh_q4_s32"),
    "LOG3_16": unary("LOG3_16", "logistic_q3_s16"),
    "TANH3_16": unary("TANH3_16", "tanh_q3_s16"),
    "LOGI8": sigmoid_s8("LOGI8", act.logistic_s8),
    "TANHI8": sigmoid_s8("TANHI8", act.tanh_s8),
    "LOGI16": sigmoid_s16("LOGI16", act.logistic_s16),
    "TANHI16": sigmoid_s16("TANHI16", act.tanh_s16),
    "SOFTMAX": softmax,
    "ADD": add,
    "MUL": mul,
    "HSWISH": hard_swish,
    "L2NORM": l2norm,
}


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("build", BUILDS)
def test_answers(build: str, kind: str) -> None:
    cases = load(build)
    assert CHECKS[kind](cases) == len(cases.lines[kind]) > 0


@pytest.mark.parametrize("build", BUILDS)
def test_every_case_is_checked(build: str) -> None:
    lines = load(build).lines
    assert set(lines) == set(CHECKS)
    assert sum(map(len, lines.values())) == CASES
