from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding, same_padding
from edgeq.ops.activation import Activation
from edgeq.ops.conv2d import Conv2D
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import by_name, coded, random_codes
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

# Image [H,W,C], weights [O,KH,KW,C/groups], stride, dilation, padding.
CASES = (
    ((5, 6, 3), (4, 3, 3, 3), (1, 1), (1, 1), "SAME"),
    ((8, 7, 2), (5, 3, 2, 2), (2, 1), (1, 1), "SAME"),
    ((9, 9, 1), (3, 5, 5, 1), (3, 2), (1, 1), "VALID"),
    ((4, 4, 7), (9, 1, 1, 7), (1, 1), (1, 1), "VALID"),
    ((5, 5, 4), (2, 1, 1, 4), (2, 2), (1, 1), "SAME"),
    ((9, 8, 2), (3, 3, 3, 2), (1, 1), (2, 3), "SAME"),
    ((9, 8, 2), (3, 3, 2, 2), (2, 2), (3, 2), "VALID"),
    ((3, 3, 2), (3, 7, 7, 2), (1, 1), (1, 1), "SAME"),
    ((1, 9, 3), (2, 1, 4, 3), (1, 4), (1, 1), "SAME"),
)
GROUPED = (
    ((5, 6, 4), (6, 3, 3, 2), (1, 1), (1, 1), "SAME"),
    ((5, 5, 6), (6, 1, 1, 2), (2, 2), (1, 1), "VALID"),
    ((6, 6, 3), (3, 3, 2, 1), (1, 2), (2, 1), "SAME"),
)
KERNEL = "portable/conv2d_s8"


def settings_of(case: tuple, activation: Activation) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return the output's size, and the options of the file."""
    image, shape, stride, dilation, padding = case
    window = [(k - 1) * d + 1 for k, d in zip(shape[1:3], dilation, strict=True)]
    lost = [0, 0] if padding == "SAME" else [w - 1 for w in window]
    size = [-(-(i - a) // s) for i, a, s in zip(image[:2], lost, stride, strict=True)]
    options = {
        "padding": padding,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "dilation_h_factor": dilation[0],
        "dilation_w_factor": dilation[1],
        "fused_activation_function": activation.name,
    }
    return (size[0], size[1]), options


def check(
    case: tuple,
    activation: Activation,
    *,
    axis: int | None = None,
    dtype: DType = DType.INT8,
    zeros: tuple[int, int, int] = (-3, 0, 7),
    bias: bool = True,
    kernel: str = "",
) -> np.ndarray:
    rng = np.random.default_rng(7)
    size, options = settings_of(case, activation)
    image, shape, *_ = case
    depth = shape[1] * shape[2] * shape[3]
    x = coded("x", (2, *image), dtype, X_SCALE, zeros[0])
    w = weights(rng, shape, depth, dtype=dtype, axis=axis, zero=zeros[1])
    y = coded("y", (2, *size, shape[0]), dtype, Y_SCALE, zeros[2])
    b = biases(rng, shape[0], depth, zero=not bias)
    data = tflite_layer("CONV_2D", x, w, b, y, Conv2DOptions=options)
    return check_equals_litert(data, random_codes(rng, x), kernel=kernel, bias=bias)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("case", CASES)
def test_scale_per_channel_equals_litert(case: tuple, activation: Activation) -> None:
    kernel = KERNEL if activation is Activation.RELU6 else ""
    codes = check(case, activation, axis=0, kernel=kernel)
    # All would pass if every output were the same code.
    assert len(np.unique(codes)) > 2


@pytest.mark.parametrize("zeros", [(-128, 0, -128), (127, 0, 127), (0, 0, 0)])
@pytest.mark.parametrize("case", [CASES[0], CASES[6]])
def test_one_scale_equals_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    check(case, Activation.RELU_N1_TO_1, zeros=zeros, kernel=KERNEL)
    check(case, Activation.NONE, zeros=zeros)


@pytest.mark.parametrize("zeros", [(128, 131, 120), (0, 0, 0), (255, 255, 255), (3, 128, 250)])
@pytest.mark.parametrize("case", CASES)
def test_uint8_equals_litert(case: tuple, zeros: tuple[int, int, int]) -> None:
    kernel = KERNEL if zeros[1] == 131 else ""
    check(case, Activation.RELU, dtype=DType.UINT8, zeros=zeros, kernel=kernel)
    check(case, Activation.NONE, dtype=DType.UINT8, zeros=zeros)


@pytest.mark.parametrize("axis", [None, 0])
def test_no_bias_equals_litert(axis: int | None) -> None:
    check(CASES[0], Activation.NONE, axis=axis, bias=False, kernel=KERNEL)


@pytest.mark.parametrize("case", GROUPED)
def test_groups_equal_litert(case: tuple) -> None:
    kernel = "portable/conv2d_grouped_s8"
    check(case, Activation.RELU6, axis=0, kernel=kernel)
    check(case, Activation.NONE, dtype=DType.UINT8, zeros=(120, 7, 130), kernel=kernel)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", [*CASES, *GROUPED])
def test_float_sums(case: tuple, bias: bool) -> None:
    rng = np.random.default_rng(3)
    size, _ = settings_of(case, Activation.RELU6)
    image, shape, stride, dilation, kind = case
    padding = Padding()
    if kind == "SAME":
        padding = same_padding(image[:2], shape[1:3], stride, dilation)
    x, w = small_integers(rng, (2, *image)), small_integers(rng, shape)
    b = small_integers(rng, shape[:1])
    names = ("x", "w", "b") if bias else ("x", "w")
    geometry = {"stride": stride, "dilation": dilation, "padding": padding}
    op = Conv2D(inputs=names, outputs=("y",), activation=Activation.RELU6, **geometry)
    ins = [coded(n, a.shape, DType.FLOAT32) for n, a in zip("xwb", (x, w, b), strict=True)]
    y = coded("y", (2, *size, shape[0]), DType.FLOAT32)
    graph = Graph("g", by_name(*ins, y), (op,), names, ("y",))
    op.check(graph.operands(op))
    (got,) = op.evaluate_float(graph.operands(op), [x, w, b][: len(names)])
    sums = plain_convolution(x, w, size, **geometry) + (b if bias else 0)
    np.testing.assert_array_equal(got, np.clip(sums, 0, 6).astype(np.float32), strict=True)


def layer(**changes: Tensor) -> tuple[Conv2D, dict[str, Tensor]]:
    """Return a convolution of 4 channels to 6, with other tensors where given."""
    found = {
        "x": coded("x", (1, 5, 5, 4)),
        "w": coded("w", (6, 3, 3, 4), data=np.ones((6, 3, 3, 4))),
        "b": Tensor("b", (6,), DType.INT32, None, np.zeros(6)),
        "y": coded("y", (1, 3, 3, 6)),
    } | changes
    return Conv2D(inputs=("x", "w", "b"), outputs=("y",), source="node 7"), found


def ones(*shape: int) -> Tensor:
    return coded("w", shape, data=np.ones(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": ones(6, 3, 4)}, r"weights has shape \(6, 3, 4\), expected 4 dimensions"),
        ({"w": ones(6, 3, 3, 3)}, "3 weight channels for 4 inputs"),
        ({"w": ones(6, 3, 3, 8)}, "8 weight channels for 4 inputs"),
        ({"w": ones(6, 3, 3, 1)}, "6 outputs in 4 groups"),
        ({"w": ones(6, 6, 3, 4)}, "a 6x3 window does not fit"),
        ({"x": coded("x", (5, 5, 4))}, "input has shape .* expected 4 dimensions"),
        ({"y": coded("y", (1, 3, 3, 5))}, r"output has shape \(1, 3, 3, 5\)"),
    ],
)
def test_refuses_shapes_that_do_not_fit(change: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ModelError, match=f"node 7: .*{message}"):
        one_op_graph(*layer(**change))


@pytest.mark.parametrize(
    "field",
    [{"stride": (0, 1)}, {"dilation": (1, 0)}, {"stride": (1, -1)}],
)
def test_refuses_steps_below_one(field: dict[str, tuple[int, int]]) -> None:
    op, tensors = layer()
    with pytest.raises(ModelError, match="must be >= 1"):
        one_op_graph(replace(op, **field), tensors)


def test_refuses_negative_padding() -> None:
    op, tensors = layer()
    with pytest.raises(ModelError, match="padding must not be negative"):
        one_op_graph(replace(op, padding=Padding(1, -1)), tensors)


@pytest.mark.parametrize("inputs", [("x",), ("x", "w", "b", "b")])
def test_refuses_another_number_of_inputs(inputs: tuple[str, ...]) -> None:
    op, tensors = layer()
    with pytest.raises(ModelError, match=f"{len(inputs)} inputs, expected 2 or 3"):
        one_op_graph(replace(op, inputs=inputs), tensors)


def test_counts_multiplications_of_the_whole_window() -> None:
    op, tensors = layer(w=ones(6, 3, 3, 2))
    io = Operands(tuple(tensors[n] for n in op.inputs), (tensors["y"],))
    assert op.macs(io) == 3 * 3 * 6 * 3 * 3 * 2
    assert op.groups(io) == 2
