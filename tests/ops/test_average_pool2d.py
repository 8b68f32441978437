from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding, same_padding
from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from tests.kernel_harness import check_layer, one_op_graph
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, random_codes, result

# Image, window, stride, padding, zero point.
CASES = (
    ((8, 8, 9), (2, 2), (2, 2), "VALID", -128),
    ((7, 7, 33), (7, 7), (1, 1), "VALID", 0),
    ((9, 10, 4), (3, 3), (2, 2), "SAME", 127),
    ((5, 6, 3), (4, 3), (1, 2), "SAME", -28),
    ((3, 3, 2), (8, 8), (1, 1), "SAME", 5),
    ((19, 18, 2), (17, 17), (2, 2), "SAME", -5),
)
ACTIVATIONS = dict(zip(Activation, (0, 1, 3, 2), strict=True))


def pool(case: tuple, activation: Activation = Activation.NONE) -> AveragePool2D:
    image, window, stride, padding, _ = case
    pads = same_padding(image[:2], window, stride) if padding == "SAME" else Padding()
    return AveragePool2D(**NAMES, window=window, stride=stride, padding=pads, activation=activation)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("case", CASES)
def test_equals_litert_and_generated_c(case, dtype):
    rng = np.random.default_rng(1)
    image, window, stride, padding, zero = case
    for activation, number in ACTIVATIONS.items():
        op = pool(case, activation)
        x = coded("x", (2, *image), dtype, 0.05, zero + (128 if dtype is DType.UINT8 else 0))
        y = result(op, x)
        options = {
            "padding": padding,
            "stride_h": stride[0],
            "stride_w": stride[1],
            "filter_height": window[0],
            "filter_width": window[1],
            "fused_activation_function": number,
        }
        array = random_codes(rng, x)
        want = litert("AVERAGE_POOL_2D", (x, y), array, Pool2DOptions=options)
        kernel = activation is Activation.RELU6
        check_codes(op, x, y, array, want, kernel=kernel)


@pytest.mark.parametrize("channels", [1, 7, 8, 15, 16, 17, 33, 65, 130])
def test_generated_c_at_vector_lengths(channels):
    op = AveragePool2D(**NAMES, window=(3, 2), stride=(2, 1), padding=Padding(1, 1, 0, 1))
    x = coded("x", (1, 6, 5, channels))
    runs = extremes(x, np.random.default_rng(channels))
    check_layer(op, {"x": x, "y": result(op, x)}, runs, kernel="portable/average_pool2d_s8")


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("padding", [Padding(), Padding(1, 0, 1, 1)])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (16, 16), (16, 17)])
def test_generated_c_of_each_form(window, padding, up):
    op = AveragePool2D(**NAMES, window=window, padding=padding, round_half_up=up)
    x = coded("x", (2, 18, 17, 3))
    check_layer(op, {"x": x, "y": result(op, x)}, extremes(x, np.random.default_rng(0)))


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=12), st.booleans())
def test_mean_is_rounded_once(codes, up):
    op = AveragePool2D(**NAMES, window=(1, len(codes)), round_half_up=up)
    x = coded("x", (1, 1, len(codes), 1))
    array = np.array(codes, np.int8).reshape(x.shape)
    got = evaluate(op, (x, result(op, x)), [array]).item()
    mean = Fraction(sum(codes), len(codes))
    half = Fraction(1, 2)
    away = floor(abs(mean) + half) * (1 if mean >= 0 else -1)
    assert got == (floor(mean + half) if up else away)


def test_float_mean_leaves_padding_out():
    op = AveragePool2D(**NAMES, window=(2, 2), padding=Padding(1, 0, 1, 0))
    x = coded("x", (1, 2, 2, 1), DType.FLOAT32)
    array = np.array([1, 2, 3, 6], np.float32).reshape(x.shape)
    got = evaluate(op, (x, result(op, x)), [array])
    assert got.reshape(-1).tolist() == [1.0, 1.5, 2.0, 3.0]


def test_refuses_windows_of_padding_alone():
    op = AveragePool2D(**NAMES, window=(2, 2), stride=(1, 1), padding=Padding(2, 0, 0, 0))
    x = coded("x", (1, 4, 4, 1))
    with pytest.raises(ModelError, match="padding alone"):
        one_op_graph(op, {"x": x, "y": result(op, x)})


def test_refuses_a_change_of_scale():
    op = AveragePool2D(**NAMES, window=(2, 2))
    x = coded("x", (1, 4, 4, 1), scale=1.0)
    with pytest.raises(ModelError, match="differ in scale"):
        one_op_graph(op, {"x": x, "y": result(op, x, DType.INT8, 0.5)})
