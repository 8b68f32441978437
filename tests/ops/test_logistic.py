from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.numerics.activations import logistic_s8
from edgeq.ops.logistic import Logistic
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    all_codes,
    by_name,
    coded,
    evaluate,
    random_codes,
    scales,
    tflite,
    zeros,
)

TYPES = (DType.INT8, DType.UINT8)
OP = Logistic(inputs=("x",), outputs=("y",))


def output(shape: tuple[int, ...], dtype: DType = DType.INT8) -> Tensor:
    return coded("y", shape, dtype, 1 / 256, 0 if dtype is DType.UINT8 else -128)


@pytest.mark.parametrize("dtype", TYPES)
@given(st.data())
@settings(max_examples=150)
def test_equals_litert(dtype: DType, data: st.DataObject) -> None:
    codes = all_codes(dtype)
    x = coded("x", (256,), dtype, data.draw(scales(1e-4, 30.0)), data.draw(zeros(dtype)))
    y = output((256,), dtype)
    expected = run_litert(tflite("LOGISTIC", (x, y)), [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [codes]), expected)


@given(scales(1e-4, 7.9), zeros(DType.INT8))
def test_fixed_point_is_that_of_the_numerics(scale: float, zero: int) -> None:
    x, codes = coded("x", (256,), scale=scale, zero=zero), all_codes(DType.INT8)
    got = evaluate(OP, (x, output((256,))), [codes], "gemmlowp")
    np.testing.assert_array_equal(got, logistic_s8(codes, x.scale, zero))


@given(scales(1e-4, 7.9), zeros(DType.UINT8), st.sampled_from(["gemmlowp", "tflite-ref"]))
def test_uint8_is_int8_moved_by_128(scale: float, zero: int, numerics: str) -> None:
    small = coded("x", (256,), DType.UINT8, scale, zero), output((256,), DType.UINT8)
    moved = coded("x", (256,), DType.INT8, scale, zero - 128), output((256,))
    first = evaluate(OP, small, [all_codes(DType.UINT8)], numerics)
    second = evaluate(OP, moved, [all_codes(DType.INT8)], numerics)
    np.testing.assert_array_equal(first.astype(int) - 128, second)


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 3), (16, 16), (2, 3, 5, 7)])
@pytest.mark.parametrize("numerics", ["gemmlowp", "tflite-ref"])
def test_kernel(shape: tuple[int, ...], numerics: str) -> None:
    x = coded("x", shape, scale=0.05, zero=-11)
    runs = [[random_codes(np.random.default_rng(seed), x)] for seed in range(5)]
    check_layer(OP, by_name(x, output(shape)), runs, numerics=numerics, kernel="portable/lookup_s8")


def test_float() -> None:
    found = by_name(*(coded(name, (5,), DType.FLOAT32) for name in "xy"))
    io = Graph("g", found, (OP,), ("x",), ("y",)).operands(OP)
    x = np.array([-1000, -1, 0, 1, 1000], np.float32)
    (y,) = OP.evaluate_float(io, [x])
    assert y.dtype == np.float32
    assert y[[0, 2, 4]].tolist() == [0, 0.5, 1]
    assert (np.diff(y) > 0).all()


@pytest.mark.parametrize(("scale", "zero"), [(1 / 256, -127), (1 / 99, -128)])
def test_another_output_code_is_rejected(scale: float, zero: int) -> None:
    found = by_name(coded("x", (4,)), coded("y", (4,), scale=scale, zero=zero))
    with pytest.raises(ModelError, match="output has scale"):
        one_op_graph(OP, found)
