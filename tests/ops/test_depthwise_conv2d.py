from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding, same_padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import by_name, coded, random_codes
from tests.ops.test_conv2d import settings_of
from tests.ops.weight_cases import (
    X_SCALE,
    Y_SCALE,
    biases,
    check_equals_litert,
    plain_convolution,
    small_integers,
    tflite_layer,
    weights,
)

# Image [H,W,C], weights [1,KH,KW,C*multiplier], stride, dilation, padding.
CASES = (
    ((5, 6, 3), (1, 3, 3, 3), (1, 1), (1, 1), "SAME"),
    ((8, 7, 5), (1, 3, 3, 5), (2, 2), (1, 1), "SAME"),
    ((9, 9, 2), (1, 5, 5, 2), (2, 2), (1, 1), "VALID"),
    ((9, 8, 2), (1, 3, 2, 2), (1, 1), (2, 3), "SAME"),
    ((4, 4, 7), (1, 1, 1, 7), (1, 1), (1, 1), "VALID"),
    ((1, 9, 3), (1, 1, 4, 3), (1, 1), (1, 1), "SAME"),
    ((12, 12, 2), (1, 6, 5, 2), (2, 2), (1, 1), "SAME"),
    ((5, 6, 3), (1, 3, 3, 6), (1, 1), (1, 1), "SAME"),
    ((6, 6, 1), (1, 2, 3, 8), (2, 2), (1, 1), "VALID"),
)
TAPS, GENERAL = "portable/depthwise_conv2d_taps_s8", "portable/depthwise_conv2d_s8"


def kernel_of(case: tuple) -> str:
    """Return the row for a case: few taps, and one output for each input."""
    (*_, channels), (_, height, width, outs), *_ = case
    return TAPS if outs == channels and height * width <= 25 else GENERAL


def check(
    case: tuple,
    activation: Activation,
    *,
    axis: int | None = None,
    dtype: DType = DType.INT8,
    zeros: tuple[int, int, int] = (-3, 0, 7),
    bias: bool = True,
    kernel: bool = False,
) -> np.ndarray:
    rng = np.random.default_rng(8)
    size, options = settings_of(case, activation)
    image, shape, *_ = case
    depth = shape[1] * shape[2]
    x = coded("x", (2, *image), dtype, X_SCALE, zeros[0])
    w = weights(rng, shape, depth, dtype=dtype, axis=axis, zero=zeros[1])
    y = coded("y", (2, *size, shape[3]), dtype, Y_SCALE, zeros[2])
    b = biases(rng, shape[3], depth, zero=not bias)
    options = {**options, "depth_multiplier": shape[3] // image[2]}
    data = tflite_layer("DEPTHWISE_CONV_2D", x, w, b, y, DepthwiseConv2DOptions=options)
    row = kernel_of(case) if kernel else ""
    return check_equals_litert(data, random_codes(rng, x), kernel=row, bias=bias)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("case", CASES)
def test_scale_per_channel_equals_litert(case: tuple, activation: Activation) -> None:
    codes = check(case, activation, axis=3, kernel=activation is Activation.RELU6)
    # All would pass if every output were the same code.
    assert len(np.unique(codes)) > 2


@pytest.mark.parametrize("zeros", [(-128, 0, -128), (127, 0, 127), (0, 0, 0)])
@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[7]])
def test_one_scale_equals_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    check(case, Activation.RELU_N1_TO_1, zeros=zeros, kernel=True)
    check(case, Activation.NONE, zeros=zeros)


@pytest.mark.parametrize("zeros", [(128, 131, 120), (0, 0, 0), (255, 255, 255), (3, 128, 250)])
@pytest.mark.parametrize("case", CASES)
def test_uint8_equals_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    check(case, Activation.RELU, dtype=DType.UINT8, zeros=zeros, kernel=zeros[1] == 131)
    check(case, Activation.NONE, dtype=DType.UINT8, zeros=zeros)


@pytest.mark.parametrize("axis", [None, 3])
def test_no_bias_equals_litert(axis: int | None) -> None:
    check(CASES[0], Activation.NONE, axis=axis, bias=False, kernel=True)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_float_sums(case: tuple, bias: bool) -> None:
    rng = np.random.default_rng(3)
    size, _ = settings_of(case, Activation.RELU)
    image, shape, stride, dilation, kind = case
    padding = Padding()
    if kind == "SAME":
        padding = same_padding(image[:2], shape[1:3], stride, dilation)
    x, w = small_integers(rng, (2, *image)), small_integers(rng, shape)
    b = small_integers(rng, shape[3:])
    names = ("x", "w", "b") if bias else ("x", "w")
    geometry: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding}
    op = DepthwiseConv2D(inputs=names, outputs=("y",), activation=Activation.RELU, **geometry)
    ins = [coded(n, a.shape, DType.FLOAT32) for n, a in zip("xwb", (x, w, b), strict=True)]
    y = coded("y", (2, *size, shape[3]), DType.FLOAT32)
    io = Graph("g", by_name(*ins, y), (op,), names, ("y",)).operands(op)
    op.check(io)
    (got,) = op.evaluate_float(io, [x, w, b][: len(names)])
    # A convolution with one group for each channel is the same thing.
    sums = plain_convolution(x, np.transpose(w, (3, 1, 2, 0)), size, **geometry) + (
        b if bias else 0
    )
    np.testing.assert_array_equal(got, np.maximum(sums, 0).astype(np.float32), strict=True)


def layer(**changes: Tensor) -> tuple[DepthwiseConv2D, dict[str, Tensor]]:
    """Return a convolution of 4 channels, with other tensors where given."""
    found = {
        "x": coded("x", (1, 5, 5, 4)),
        "w": ones(1, 3, 3, 4),
        "b": Tensor("b", (4,), DType.INT32, None, np.zeros(4)),
        "y": coded("y", (1, 3, 3, 4)),
    } | changes
    return DepthwiseConv2D(inputs=("x", "w", "b"), outputs=("y",), source="node 7"), found


def ones(*shape: int) -> Tensor:
    return coded("w", shape, data=np.ones(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": ones(3, 3, 4)}, r"weights has shape \(3, 3, 4\), expected 4 dimensions"),
        ({"w": ones(2, 3, 3, 4)}, "expected a first dimension of 1"),
        ({"w": ones(1, 3, 3, 6)}, "6 weight channels for 4 inputs"),
        ({"w": ones(1, 3, 3, 2)}, "2 weight channels for 4 inputs"),
        ({"w": ones(1, 3, 6, 4)}, "a 3x6 window does not fit"),
        ({"x": coded("x", (25, 4))}, "expected 4 dimensions"),
        ({"y": coded("y", (1, 3, 3, 8))}, r"output has shape \(1, 3, 3, 8\)"),
    ],
)
def test_refuses_shapes_that_do_not_fit(change: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ModelError, match=f"node 7: .*{message}"):
        one_op_graph(*layer(**change))


def test_counts_multiplications_of_the_whole_window() -> None:
    op, tensors = layer(w=ones(1, 3, 3, 8), y=coded("y", (1, 3, 3, 8)))
    io = Operands(tuple(tensors[n] for n in op.inputs), (tensors["y"],))
    assert op.macs(io) == 3 * 3 * 8 * 3 * 3
    assert op.multiplier(io) == 2
