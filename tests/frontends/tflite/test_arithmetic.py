from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.tflite import CONVERTERS
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.base import REGISTRY
from edgeq.ops.mean import Mean
from edgeq.ops.relu import Relu
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.softmax import Softmax
from tests.frontends.tflite.one_op import OneOp, ints

UNIT = {"scale": 1 / 256, "zero_point": -128}


@pytest.mark.parametrize(
    ("code", "kind", "output"),
    [
        ("LOGISTIC", "logistic", UNIT),
        ("TANH", "tanh", {"scale": 1 / 128}),
        ("HARD_SWISH", "hard_swish", {}),
        ("LOG_SOFTMAX", "log_softmax", {"scale": 1 / 16, "zero_point": 127}),
        ("DEQUANTIZE", "dequantize", {"dtype": "float32"}),
        ("QUANTIZE", "requantize", {"dtype": "uint8"}),
        ("SHAPE", "shape", {"dtype": "int32"}),
    ],
)
def test_one_input_one_output(code: str, kind: str, output: dict[str, Any]) -> None:
    assert kind == OneOp().x(2).y(*(1,) if kind == "shape" else (2,), **output).op(code).KIND
    two = OneOp().x(2).x(2).y(2, **output).refusal(code)
    assert "has 2 inputs and 1 outputs, expected 1 and 1" in str(two)


def test_real_numbers_are_quantized() -> None:
    assert OneOp().x(2, dtype="float32").y(2).op("QUANTIZE").KIND == "quantize"


@pytest.mark.parametrize("code", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_clamps(code: str) -> None:
    op = OneOp().x(2).y(2).op(code)
    assert isinstance(op, Relu) and op.activation is Activation(code.lower())


@pytest.mark.parametrize("code", ["ADD", "MUL"])
def test_sums_and_products(code: str) -> None:
    kind = f"{code.capitalize()}Options"
    op = OneOp().x(2).x(2).y(2).op(code, **{kind: {"fused_activation_function": "RELU"}})
    assert code.lower() == op.KIND
    plain = OneOp().x(2).x(1).y(2).op(code)
    assert getattr(plain, "activation", None) is Activation.NONE
    flags = OneOp().x(2, dtype="bool").x(2, dtype="bool").y(2, dtype="bool").refusal(code)
    assert isinstance(flags, UnsupportedError) and f"{code} of bool data x1" in str(flags)
    wide = OneOp().x(2, dtype="int32").x(2, dtype="int32").y(2, dtype="int32")
    error = wide.refusal(code, **{kind: {"fused_activation_function": "RELU"}})
    assert isinstance(error, UnsupportedError) and "with a fused activation" in str(error)


def test_a_sum_may_have_a_constant() -> None:
    op = OneOp().x(2).const(np.int8([1, 2]), scale=0.5).y(2).op("ADD")
    assert isinstance(op, Add) and op.inputs == ("x0", "c1")


def test_softmax_needs_beta() -> None:
    op = OneOp().x(1, 2).y(1, 2, **UNIT).op("SOFTMAX", SoftmaxOptions={"beta": 0.5})
    assert isinstance(op, Softmax) and op.beta == 0.5
    assert "has no SoftmaxOptions" in str(OneOp().x(1, 2).y(1, 2, **UNIT).refusal("SOFTMAX"))
    endless = {"beta": float("nan")}
    error = OneOp().x(1, 2).y(1, 2, **UNIT).refusal("SOFTMAX", SoftmaxOptions=endless)
    assert "beta is nan" in str(error)


def test_axes() -> None:
    op = OneOp().x(2, 3).const(ints(-1, 1, -1)).y(2).op("MEAN")
    assert isinstance(op, Mean) and (op.axes, op.keep_dims) == ((1,), False)
    kept = OneOp().x(2, 3).const(np.int32(0)).y(1, 3).op("MEAN", ReducerOptions={"keep_dims": True})
    assert isinstance(kept, Mean) and (kept.axes, kept.keep_dims) == ((0,), True)
    arg = OneOp().x(2, 3).const(np.int64(-2)).y(3, dtype="int32").op("ARG_MAX")
    assert isinstance(arg, ArgMax) and arg.axis == 0
    for axes, message in ((ints(2), "dimension 2 of 2"), (ints(0, 1), "2 axes, expected 1")):
        error = OneOp().x(2, 3).const(axes).y(3, dtype="int32").refusal("ARG_MAX")
        assert message in str(error)
    real = OneOp().x(2, 3).const(np.float32([1])).y(2).refusal("MEAN")
    assert "axes are float32" in str(real)


def test_resizing() -> None:
    options = {"half_pixel_centers": True}
    model = OneOp().x(1, 2, 2, 1).const(ints(4, 6)).y(1, 4, 6, 1)
    op = model.op("RESIZE_BILINEAR", ResizeBilinearOptions=options)
    assert isinstance(op, ResizeBilinear)
    assert (op.size, op.align_corners, op.half_pixel_centers) == ((4, 6), False, True)
    for size in (ints(4), ints(0, 4), ints(-1, 4), ints(2**31 - 1, 2**31 - 1)):
        error = OneOp().x(1, 2, 2, 1).const(size).y(1, 4, 6, 1).refusal("RESIZE_BILINEAR")
        assert isinstance(error, ModelError)


def test_types_that_are_not_supported_are_said_so() -> None:
    for code, dtype in (("SOFTMAX", "int32"), ("LOG_SOFTMAX", "uint8"), ("DEQUANTIZE", "float32")):
        error = OneOp().x(2, dtype=dtype).y(2).refusal(code)
        assert isinstance(error, UnsupportedError)
        assert f"{code} of {dtype} data x1: op[0] 'y0'" in str(error)


def test_every_converter_makes_registered_operations() -> None:
    names = {converter.convert.__module__ for converter in CONVERTERS.values()}
    assert all(name.startswith("edgeq.frontends.tflite.ops_") for name in names)
    assert len(CONVERTERS) >= 34 and len(REGISTRY) >= 26
