from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ops._accumulate import ScaleProduct
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from tests.frontends.tflite.one_op import CONV, OneOp, conv


def test_a_convolution_is_read() -> None:
    op = conv().op("CONV_2D", Conv2DOptions={**CONV, "fused_activation_function": "RELU6"})
    assert isinstance(op, Conv2D)
    assert op.source == "tflite:op[0] CONV_2D 'y0'"
    assert (op.stride, op.dilation, op.padding) == ((1, 1), (1, 1), Padding(1, 1, 1, 1))
    assert (op.activation, op.scale_product) == (Activation.RELU6, ScaleProduct.FLOAT64)


def test_uint8_forms_the_scale_in_float32() -> None:
    op = conv("uint8").op("CONV_2D", Conv2DOptions=CONV)
    assert isinstance(op, Conv2D) and op.scale_product is ScaleProduct.FLOAT32


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_activations(code: int) -> None:
    options = {**CONV, "fused_activation_function": code}
    op = conv().op("CONV_2D", Conv2DOptions=options)
    kinds = [Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6]
    assert isinstance(op, Conv2D) and op.activation is kinds[code]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fused_activation_function": 6}, "fused activation 6 is not known"),
        ({"fused_activation_function": -1}, "fused activation -1 is not known"),
        ({"padding": 2}, "padding 2 is not known"),
        ({"stride_w": 0}, "window, stride and dilation must be >= 1"),
        ({"stride_h": -1}, "window, stride and dilation must be >= 1"),
        ({"dilation_w_factor": 0}, "window, stride and dilation must be >= 1"),
        ({"stride_w": 2**31 - 1}, "output has shape (1, 4, 4, 2), the operation gives (1, 4, 1,"),
        ({"dilation_h_factor": 2**31 - 1}, "the padded input has"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    error = conv().refusal("CONV_2D", Conv2DOptions={**CONV, **options})
    assert isinstance(error, ModelError)
    assert str(error).startswith("tflite:op[0] CONV_2D 'y0': ") and message in str(error)


def test_options_are_needed_and_of_the_right_kind() -> None:
    assert "has no Conv2DOptions" in str(conv().refusal("CONV_2D"))
    found = conv().refusal("CONV_2D", Pool2DOptions=CONV)
    assert "options are of kind Pool2DOptions, expected Conv2DOptions" in str(found)


@pytest.mark.parametrize("code", [4, 5])
def test_other_activations_are_unsupported(code: int) -> None:
    error = conv().refusal("CONV_2D", Conv2DOptions={**CONV, "fused_activation_function": code})
    assert isinstance(error, UnsupportedError)


def test_the_message_for_weights_of_another_rank() -> None:
    model = OneOp().x(1, 4, 4, 1).const(np.ones((2, 3), np.int8), scale=1.0).y(1, 4, 4, 2)
    assert str(model.refusal("CONV_2D", Conv2DOptions=CONV)) == (
        "tflite:op[0] CONV_2D 'y0': weights have shape (2, 3), expected 4 dimensions"
    )


def test_a_bias_may_be_left_out_in_two_ways() -> None:
    for model in (conv(), conv().none()):
        assert len(model.op("CONV_2D", Conv2DOptions=CONV).inputs) == 2


def test_weights_cannot_be_left_out() -> None:
    model = OneOp().x(1, 4, 4, 1).none().y(1, 4, 4, 1)
    assert "required input is absent" in str(model.refusal("CONV_2D", Conv2DOptions=CONV))


def test_the_scales_of_a_bias_are_not_looked_at() -> None:
    bias = {"scale": [0.0, float("nan")], "axis": 77}
    graph = conv().const(np.zeros(2, np.int32), **bias).graph("CONV_2D", Conv2DOptions=CONV)
    assert graph.tensors["c2"].quant is None


def test_int8_weights_are_symmetric() -> None:
    for weights in ({"zero_point": 1}, {"scale": [0.5, 0.5], "zero_point": [0, 1]}):
        found = conv(**weights).refusal("CONV_2D", Conv2DOptions=CONV)
        assert "int8 weights have a zero point other than 0" in str(found)
    assert conv("uint8", zero_point=7).op("CONV_2D", Conv2DOptions=CONV)


def test_scales_per_channel() -> None:
    good = conv(scale=[0.5, 0.25]).graph("CONV_2D", Conv2DOptions=CONV)
    assert good.tensors["c1"].quant is not None and good.tensors["c1"].quant.axis == 0
    many = conv(scale=[0.5] * 3).refusal("CONV_2D", Conv2DOptions=CONV)
    assert str(many) == "tensor 'c1': 3 scales for 2 channels"
    off = conv(scale=[0.5] * 2, axis=4).refusal("CONV_2D", Conv2DOptions=CONV)
    assert "channel dimension 4 of (2, 3, 3, 1)" in str(off)
    along = conv(scale=[0.5] * 3, axis=1).refusal("CONV_2D", Conv2DOptions=CONV)
    assert "quantized along a dimension other than 0" in str(along)
    uint8 = conv("uint8", scale=[0.5, 0.25]).refusal("CONV_2D", Conv2DOptions=CONV)
    assert isinstance(uint8, UnsupportedError)


def fully_connected(**weights: Any) -> OneOp:
    options = {"scale": 0.25, **weights}
    return OneOp().x(2, 3).const(np.ones((4, 3), np.int8), **options).y(2, 4)


def test_a_fully_connected_layer_may_have_no_options() -> None:
    op = fully_connected(zero_point=3).op("FULLY_CONNECTED")
    assert isinstance(op, FullyConnected)
    assert (op.keep_dims, op.scale_product) == (False, ScaleProduct.FLOAT64)
    channels = fully_connected(scale=[0.5] * 4).op("FULLY_CONNECTED")
    assert isinstance(channels, FullyConnected)
    assert channels.scale_product is ScaleProduct.FLOAT64


def test_weights_of_a_fully_connected_layer() -> None:
    shuffled = {"weights_format": "SHUFFLED4x16INT8"}
    error = fully_connected().refusal("FULLY_CONNECTED", FullyConnectedOptions=shuffled)
    assert isinstance(error, UnsupportedError) and "with shuffled weights x1" in str(error)
    odd = fully_connected(scale=[0.5] * 4, zero_point=[0, 0, 0, 1])
    assert "zero point other than 0" in str(odd.refusal("FULLY_CONNECTED"))


def test_pooling_rounds_by_type() -> None:
    options = {**CONV, "padding": "VALID", "filter_width": 2, "filter_height": 2}
    for dtype, half_up in (("int8", False), ("uint8", True)):
        model = OneOp().x(1, 4, 4, 1, dtype=dtype).y(1, 3, 3, 1, dtype=dtype)
        op = model.op("AVERAGE_POOL_2D", Pool2DOptions=options)
        assert isinstance(op, AveragePool2D) and op.round_half_up is half_up
    flat = OneOp().x(4, 4).y(3, 3).refusal("MAX_POOL_2D", Pool2DOptions=options)
    assert "input has shape (4, 4), expected 4 dimensions" in str(flat)


@pytest.mark.parametrize("code", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_a_pool_without_an_input_is_refused(code: str) -> None:
    options = {**CONV, "padding": "VALID", "filter_width": 2, "filter_height": 2}
    none = OneOp().y(1, 3, 3, 1).refusal(code, Pool2DOptions=options)
    assert "has 0 inputs and 1 outputs, expected 1 and 1" in str(none)
