from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.div import Div
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    all_codes,
    by_name,
    coded,
    evaluate,
    every_pair,
    random_codes,
    tflite,
)
from tests.ops.pairs import Scales, check_pairs, constant_case, float_answer

OP = Div(inputs=("a", "b"), outputs=("y",))
# From where every answer saturates to where shifts are the longest that LiteRT can do.
SCALES: tuple[tuple[Scales, tuple[int, int, int]], ...] = (
    ((1.0, 1.0, 1 / 128), (-128, 127, 0)),
    ((1.0, 0.01, 1.0), (0, 0, 0)),
    ((1.0, 0.03, 0.01), (10, 20, -128)),
    ((100.0, 0.01, 0.25), (-1, 127, 127)),
    ((0.3, 0.07, 0.03), (3, -128, 5)),
)


def test_kernel_of_every_shape_and_rounding() -> None:
    check_pairs(OP, "portable/div_s8", scales=((0.1, 0.3, 0.01), (1e-3, 1.0, 0.1)))
    check_layers([constant_case(OP, "portable/lookup_s8", first=True)], PORTABLE)


def test_kernel_of_16_bits() -> None:
    rng = np.random.default_rng(3)
    cases = []
    for scales in ((0.1, 0.2, 0.001), (1.0, 1e-3, 0.1), (1e-4, 1.0, 1.0)):
        found = [coded(n, (500,), DType.INT16, s) for n, s in zip("aby", scales, strict=True)]
        runs = [[random_codes(rng, t) for t in found[:2]] for _ in range(2)]
        runs[1][1] //= 1000
        cases.append(Case(OP, by_name(*found), runs, "portable/div_s16"))
    check_layers(cases, PORTABLE)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_every_pair_equals_litert(dtype: DType) -> None:
    offset = dtype.min + 128
    for number, (scales, zeros) in enumerate(SCALES):
        kept = all_codes(dtype) != zeros[1] + offset  # a zero divisor ends LiteRT's run
        pairs = (array.astype(np.int16) + offset for array in every_pair())
        a, b = (array.astype(dtype.numpy)[:, kept] for array in pairs)
        parts = zip("aby", scales, zeros, strict=True)
        tensors = [coded(n, a.shape, dtype, s, z + offset) for n, s, z in parts]
        fused = ("NONE", "RELU6", "RELU_N1_TO_1")[number % 3]
        options = {"DivOptions": {"fused_activation_function": fused}}
        op = Div(inputs=("a", "b"), outputs=("y",), activation=Activation[fused])
        got = evaluate(op, tensors, [a, b])
        for resolver in ("ref", "builtin"):
            expected = run_litert(tflite("DIV", tensors, 2, **options), [a, b], resolver)[0]
            np.testing.assert_array_equal(got, expected, err_msg=f"{scales} {resolver}")


@pytest.mark.parametrize("scales", [(0.1, 0.2, 0.001), (1.0, 1e-3, 0.5), (2.0, 3e-4, 1.5)])
def test_16_bits_equal_litert(scales: Scales) -> None:
    rng = np.random.default_rng(7)
    tensors = [coded(n, (9000,), DType.INT16, s) for n, s in zip("aby", scales, strict=True)]
    a, b = (random_codes(rng, each) for each in tensors[:2])
    # Shifts that LiteRT can do.
    a = np.where(np.abs(a.astype(np.int32)) < 256, np.where(a < 0, a - 256, a + 256), a)
    a = a.astype(np.int16)
    a[:100], b[:100] = a[:100] // 2000, b[:100] // 2000
    b[b == 0] = 1
    for resolver in ("ref", "builtin"):
        expected = run_litert(tflite("DIV", tensors, 2, DivOptions={}), [a, b], resolver)[0]
        np.testing.assert_array_equal(evaluate(OP, tensors, [a, b]), expected, err_msg=resolver)


def test_a_zero_divisor_gives_the_ends_of_the_range() -> None:
    tensors = [coded("a", (3,), zero=5), coded("b", (3,), zero=-7), coded("y", (3,), zero=11)]
    a, b = np.array([4, 5, 6], np.int8), np.full(3, -7, np.int8)
    assert evaluate(OP, tensors, [a, b]).tolist() == [-128, 11, 127]


def test_tiny_quotients_are_zero() -> None:
    tensors = [coded(n, (4,), scale=s) for n, s in (("a", 2.0**-20), ("b", 1), ("y", 1))]
    a, b = np.array([1, -1, 127, -128], np.int8), np.array([127, 1, -1, 1], np.int8)
    assert evaluate(OP, tensors, [a, b]).tolist() == [0, 0, 0, 0]


def test_float_quotients() -> None:
    assert float_answer(OP, (-3, 1, 1), (2, 0.5, 3)) == [-1.5, 2, float(np.float32(1 / 3))]


def test_an_output_scale_that_leaves_32_bits() -> None:
    found = by_name(*(coded(name, (4,)) for name in "ab"), coded("y", (4,), scale=2**-24))
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(OP, found)
