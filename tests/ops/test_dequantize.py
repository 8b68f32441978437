from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.profiles import profile
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.quantize import Quantize
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    all_codes,
    by_name,
    coded,
    evaluate,
    scales,
    tflite,
    zeros,
)

TYPES = (DType.INT8, DType.UINT8, DType.INT16)
OP = Dequantize(inputs=("x",), outputs=("y",))


@pytest.mark.parametrize("dtype", TYPES)
@given(st.data())
@settings(max_examples=30)
def test_equals_litert(dtype: DType, data: st.DataObject) -> None:
    codes = all_codes(dtype)
    zero = 0 if dtype is DType.INT16 else data.draw(zeros(dtype))
    x = coded("x", codes.shape, dtype, data.draw(scales(1e-6, 1e6)), zero)
    y = coded("y", codes.shape, DType.FLOAT32)
    expected = run_litert(tflite("DEQUANTIZE", (x, y), DequantizeOptions={}), [codes])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [codes]), expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("scale", [0.1, 2.0**-7, 1e12])
def test_kernel(dtype: DType, scale: float) -> None:
    codes = all_codes(dtype)
    x = coded("x", codes.shape, dtype, scale, dtype.min + 3)
    y = coded("y", codes.shape, DType.FLOAT32)
    check_layer(OP, by_name(x, y), [[codes]], kernel="portable/dequantize")


def test_int32_codes_are_rounded_to_float32() -> None:
    codes = np.array([-(2**31), -5, 0, 2**24 + 1, 2**31 - 1], np.int32)
    x = Tensor("x", (5,), DType.INT32, QuantParams.per_tensor(0.3))
    check_layer(OP, by_name(x, coded("y", (5,), DType.FLOAT32)), [[codes]])


@given(st.sampled_from(TYPES), scales(), st.data())
@settings(max_examples=30)
def test_quantize_undoes_it(dtype: DType, scale: float, data: st.DataObject) -> None:
    codes = all_codes(dtype)
    x = coded("x", codes.shape, dtype, scale, data.draw(zeros(dtype)))
    y = coded("y", codes.shape, DType.FLOAT32)
    reals = evaluate(OP, (x, y), [codes])
    back = Quantize(inputs=("y",), outputs=("x",))
    np.testing.assert_array_equal(evaluate(back, (y, x), [reals]), codes)


def test_a_constant_may_have_a_scale_per_channel() -> None:
    codes = np.array([[4, 5, 6], [0, 0, 0]], np.int8)
    quant = QuantParams((1.0, 0.5, 0.25), (0, 1, 2), axis=1)
    x = Tensor("x", (2, 3), DType.INT8, quant, codes)
    io = Operands((x,), (coded("y", (2, 3), DType.FLOAT32),))
    OP.check(io)
    (y,) = OP.lower(io, profile("gemmlowp")).evaluate(io, [codes])
    assert y.tolist() == [[4, 2, 1], [0, -0.5, -0.5]]


def test_a_graph_that_is_not_lowered_dequantizes_too() -> None:
    found = by_name(coded("x", (2,), scale=0.5, zero=1), coded("y", (2,), DType.FLOAT32))
    graph = Graph("g", found, (OP,), ("x",), ("y",))
    (y,) = OP.evaluate_float(graph.operands(OP), [np.array([3, -1], np.int8)])
    assert y.tolist() == [1, -1]
    assert not graph.is_float


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (coded("x", (2,), DType.FLOAT32), coded("y", (2,), DType.FLOAT32), "input is float32"),
        (coded("x", (2,)), coded("y", (2,)), "output is int8"),
        (Tensor("x", (2,), DType.INT32), coded("y", (2,), DType.FLOAT32), "has no scale"),
        (coded("x", (2,), DType.INT32, 1.0, 4), coded("y", (2,), DType.FLOAT32), "zero point"),
    ],
)
def test_types_that_do_not_fit(x: Tensor, y: Tensor, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        one_op_graph(OP, {"x": x, "y": y})
