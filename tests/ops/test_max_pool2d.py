from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.max_pool2d import MaxPool2D
from tests.kernel_harness import check_layer
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.test_average_pool2d import ACTIVATIONS, CASES, pool
from tests.ops.window_cases import NAMES, check_codes, extremes, litert, random_codes, result


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("case", CASES)
def test_equals_litert_and_generated_c(case, dtype):
    rng = np.random.default_rng(2)
    image, window, stride, padding, zero = case
    for activation, number in ACTIVATIONS.items():
        pads = pool(case).padding
        op = MaxPool2D(**NAMES, window=window, stride=stride, padding=pads, activation=activation)
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
        want = litert("MAX_POOL_2D", (x, y), array, Pool2DOptions=options)
        check_codes(op, x, y, array, want, kernel=activation is Activation.RELU6)


@pytest.mark.parametrize("channels", [1, 7, 8, 15, 16, 17, 33, 130])
def test_generated_c_at_vector_lengths(channels):
    op = MaxPool2D(**NAMES, window=(3, 3), stride=(2, 2), padding=Padding(1, 1, 0, 1))
    x = coded("x", (1, 6, 5, channels))
    runs = extremes(x, np.random.default_rng(channels))
    check_layer(op, {"x": x, "y": result(op, x)}, runs, kernel="portable/max_pool2d_s8")


@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU_N1_TO_1])
@pytest.mark.parametrize("padding", [Padding(), Padding(1, 0, 1, 1)])
@pytest.mark.parametrize("window", [(1, 1), (2, 3), (2, 5), (10, 9)])
def test_generated_c_of_each_form(window, padding, activation):
    if padding.any and window == (1, 1):
        padding = Padding()
    op = MaxPool2D(**NAMES, window=window, padding=padding, activation=activation)
    x = coded("x", (2, 10, 11, 3), scale=0.02)
    check_layer(op, {"x": x, "y": result(op, x)}, extremes(x, np.random.default_rng(0)))


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=12))
def test_is_the_largest(codes):
    op = MaxPool2D(**NAMES, window=(1, len(codes)))
    x = coded("x", (1, 1, len(codes), 1))
    array = np.array(codes, np.int8).reshape(x.shape)
    assert evaluate(op, (x, result(op, x)), [array]).item() == max(codes)


def test_float_padding_never_wins():
    op = MaxPool2D(**NAMES, window=(2, 2), padding=Padding(1, 0, 1, 0))
    x = coded("x", (1, 2, 2, 1), DType.FLOAT32)
    array = np.array([-4, -3, -2, -1], np.float32).reshape(x.shape)
    got = evaluate(op, (x, result(op, x)), [array])
    assert got.reshape(-1).tolist() == [-4.0, -3.0, -2.0, -1.0]
