from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.relu import Relu
from tests.kernel_harness import check_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import all_codes, by_name, coded, evaluate, tensors, tflite

KINDS = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)


def relu(activation: Activation = Activation.RELU) -> Relu:
    return Relu(inputs=("x",), outputs=("y",), activation=activation)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=40)
def test_equals_litert(dtype: DType, kind: Activation, data: st.DataObject) -> None:
    x, y = data.draw(tensors("xy", dtype, 256))
    codes = all_codes(dtype)
    expected = run_litert(tflite(kind.name, (x, y)), [codes])[0]
    np.testing.assert_array_equal(evaluate(relu(kind), (x, y), [codes]), expected)


def test_last_bits_equal_litert() -> None:
    """A factor formed in float64 would change a code at these scales."""
    x, y = coded("x", (256,), scale=0.48533332), coded("y", (256,), scale=0.37720206)
    codes = all_codes(DType.INT8)
    expected = run_litert(tflite("RELU", (x, y)), [codes])[0]
    np.testing.assert_array_equal(evaluate(relu(), (x, y), [codes]), expected)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("kind", [*KINDS, Activation.NONE])
@pytest.mark.parametrize(
    ("scale", "zero", "kernel"),
    [(0.05, 3, "offset_clamp"), (0.05, 100, "offset_clamp"), (0.02, 7, "lookup_s8")],
)
def test_kernel(dtype: DType, kind: Activation, scale: float, zero: int, kernel: str) -> None:
    x = coded("x", (16, 16), dtype, 0.05, 3)
    y = coded("y", (16, 16), dtype, scale, zero)
    codes = all_codes(dtype).reshape(16, 16)
    check_layer(relu(kind), by_name(x, y), [[codes]], kernel=f"portable/{kernel}")


def test_equal_codes_are_only_clamped() -> None:
    x, y = coded("x", (256,), scale=0.5, zero=-28), coded("y", (256,), scale=0.5, zero=-28)
    codes = all_codes(DType.INT8)
    got = evaluate(relu(Activation.RELU6), (x, y), [codes])
    np.testing.assert_array_equal(got, np.clip(codes, -28, -16))


def test_float_relu() -> None:
    op = relu(Activation.RELU_N1_TO_1)
    found = by_name(*(coded(name, (3,), DType.FLOAT32) for name in "xy"))
    io = Graph("g", found, (op,), ("x",), ("y",)).operands(op)
    (y,) = op.evaluate_float(io, [np.array([-3, 0.5, 4], np.float32)])
    assert y.tolist() == [-1, 0.5, 1]


def test_types_that_do_not_fit() -> None:
    found = by_name(coded("x", (4,)), coded("y", (4,), DType.INT16))
    with pytest.raises(ModelError, match="'y' is int16"):
        one_op_graph(relu(), found)
