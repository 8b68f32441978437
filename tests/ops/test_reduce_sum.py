from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ir.quant import ROUNDINGS, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ops.reduce_sum import ReduceSum, Thresholds
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, random_codes
from tests.ops.pairs import float_answer, rounded

SHAPES: tuple[tuple[Shape, tuple[int, ...], bool], ...] = (
    ((1,), (0,), False),
    ((300, 3), (1,), False),
    ((5, 65), (0,), True),
    ((2, 3, 4, 5), (1, 2), False),
    ((2, 3, 4, 5), (0, 2), True),
    ((2, 3, 4, 5), (1, 3), False),
    ((3, 4), (0, 1), False),
)


def _case(shape: Shape, axes: tuple[int, ...], keep: bool, rounding: Rounding) -> Case:
    rng = np.random.default_rng(len(shape))
    op = ReduceSum(inputs=("x",), outputs=("y",), axes=axes, keep_dims=keep)
    x = coded("x", shape, scale=0.25, zero=(-128, 127, 3)[len(axes)])
    kept = [1 if a in axes else extent for a, extent in enumerate(shape) if keep or a not in axes]
    y = coded("y", kept, scale=1.0 + len(shape), zero=-5)
    table = rounding is Rounding.FLOAT32
    kernel = "portable/reduce_sum_s8" if table else "portable/mean_s8"
    runs = [[random_codes(rng, x)], [np.full(shape, -128, np.int8)], [np.full(shape, 127, np.int8)]]
    return Case(op, by_name(x, y), runs, kernel, rounded(rounding))


def test_kernel_of_every_shape_and_rounding() -> None:
    cases = [_case(*each, rounding) for each in SHAPES for rounding in ROUNDINGS]
    check_layers(cases, PORTABLE)


@pytest.mark.parametrize("scale", [0.011, 0.25, 0.7, 40.0])
@pytest.mark.parametrize("zero", [-128, 0, 127])
def test_thresholds_are_the_rule_in_float32(scale: float, zero: int) -> None:
    x, y = coded("x", (9,), scale=scale, zero=zero), coded("y", (1,), scale=0.6, zero=11)
    op = ReduceSum(inputs=("x",), outputs=("y",), axes=(0,), keep_dims=True)
    graph = one_op_graph(op, by_name(x, y), rounded(Rounding.FLOAT32))
    numbers = graph.ops[0].arithmetic
    assert isinstance(numbers, Thresholds) and (np.diff(numbers.sums) >= 0).all()
    sums = np.arange(9 * -128, 9 * 127 + 1)
    factor = np.float32(x.scale) / np.float32(y.scale)
    real = sums.astype(np.float32) * factor + np.float32(-zero) * factor * np.float32(9)
    rounded_ = np.trunc(real.astype(np.float64) + np.copysign(0.5, real))
    want = np.clip(rounded_ + 11, -128, 127)
    got = np.searchsorted(numbers.sums, sums, side="right") - 128
    np.testing.assert_array_equal(got, want)


def test_codes_that_have_been_uint8_are_rounded_by_the_profile() -> None:
    op = ReduceSum(inputs=("x",), outputs=("y",), axes=(0,), unsigned=True)
    graph = one_op_graph(op, by_name(coded("x", (9,)), coded("y", ())), "tflite-ref")
    assert graph.ops[0].arithmetic.rounding is Rounding.GEMMLOWP
    unsigned = by_name(coded("x", (9,), DType.UINT8), coded("y", (), DType.UINT8))
    plain = ReduceSum(inputs=("x",), outputs=("y",), axes=(0,))
    graph = one_op_graph(plain, unsigned, "tflite-ref")
    assert graph.ops[0].arithmetic.rounding is Rounding.GEMMLOWP


def test_float() -> None:
    op = ReduceSum(inputs=("a",), outputs=("y",), axes=(), keep_dims=True)
    assert float_answer(op, (1, 2.5)) == [1, 2.5]


def test_a_sum_that_leaves_32_bits() -> None:
    op = ReduceSum(inputs=("x",), outputs=("y",), axes=(0, 1))
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(op, by_name(coded("x", (4096, 4096)), coded("y", ())))
