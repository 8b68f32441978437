from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ops.conv2d import Conv2D
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime, values

IMAGE = (1, 4, 9, 10)


def conv(
    image: tuple[int, ...], weights: tuple[int, ...], opset: int = 17, **options: Any
) -> bytes:
    constants = {"w": values(*weights), "b": values(weights[0])}
    return model([node("Conv", "x w b", **options)], {"x": image}, constants, opset=opset)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pads": [1, 2, 0, 1]},
        {"pads": [1, 1, 1, 1], "strides": [2, 3]},
        {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID", "strides": [3, 1]},
        {"auto_pad": "NOTSET", "pads": [0, 0, 1, 1], "kernel_shape": [3, 2]},
    ],
    ids=str,
)
def test_convolutions_with_paddings(options: dict[str, Any]) -> None:
    graph = same_as_runtime(conv(IMAGE, (5, 4, 3, 2), **options))
    # Only the ports are in the order of ONNX.
    assert kinds(graph) == ["transpose", "conv2d", "transpose"]


@pytest.mark.parametrize("opset", [7, 11, 13, 15, 18, 20, 22, 24, 25, 26])
def test_operator_sets(opset: int) -> None:
    same_as_runtime(conv(IMAGE, (5, 4, 3, 2), opset, pads=[1, 0, 1, 1]))


@pytest.mark.parametrize(
    ("weights", "group", "kind"),
    [
        ((4, 1, 3, 3), 4, "depthwise_conv2d"),
        ((8, 1, 3, 2), 4, "depthwise_conv2d"),
        ((6, 2, 3, 3), 2, "conv2d"),
        ((5, 4, 1, 1), 1, "conv2d"),
    ],
)
def test_groups(weights: tuple[int, ...], group: int, kind: str) -> None:
    graph = same_as_runtime(conv(IMAGE, weights, group=group, pads=[1, 1, 0, 0]))
    assert kinds(graph)[1] == kind


def test_one_channel_in_costs_no_transposition() -> None:
    graph = same_as_runtime(conv((1, 1, 9, 8), (3, 1, 3, 3)))
    assert kinds(graph) == ["reshape", "conv2d", "transpose"]


@pytest.mark.parametrize("batch", [1, 3])
def test_lines(batch: int) -> None:
    data = model(
        [
            node("Conv", "x w b", "a", pads=[1, 2], strides=[2], dilations=[2]),
            node("MaxPool", "a", "p", kernel_shape=[3], strides=[2], pads=[1, 0]),
            node("AveragePool", "p", "y", kernel_shape=[2]),
        ],
        {"x": (batch, 3, 33)},
        {"w": values(4, 3, 3), "b": values(4)},
    )
    same_as_runtime(data)


def test_layers_in_a_row_stay_channels_last() -> None:
    data = model(
        [
            node("Conv", "x v", "a", pads=[1, 1, 1, 1]),
            node("Relu", "a", "b"),
            node("Conv", "b w", "c", group=6),
            node("Clip", "c low high", "d"),
            node("MaxPool", "d", "y", kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {"x": IMAGE},
        {
            "v": values(6, 4, 3, 3),
            "w": values(6, 1, 3, 3),
            "low": np.float32(0),
            "high": np.float32(6),
        },
    )
    graph = same_as_runtime(data)
    assert kinds(graph) == ["transpose", "conv2d", "depthwise_conv2d", "max_pool2d", "transpose"]


@pytest.mark.parametrize("code", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_shape": [2, 3]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 2], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    ],
    ids=str,
)
def test_pools(code: str, options: dict[str, Any]) -> None:
    graph = same_as_runtime(model([node(code, "x", **options)], {"x": IMAGE}))
    assert len(graph.ops) == 3


def test_an_average_that_counts_its_padding() -> None:
    pool = node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 0, 1], count_include_pad=1)
    assert "pad" in kinds(same_as_runtime(model([pool], {"x": IMAGE})))


@pytest.mark.parametrize("code", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("image", [IMAGE, (2, 3, 17)])
def test_pools_of_all_pixels(code: str, image: tuple[int, ...]) -> None:
    same_as_runtime(model([node(code, "x")], {"x": image}))


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("bias", [(7,), (1, 7), (1,), None])
def test_gemm(turned: int, bias: tuple[int, ...] | None) -> None:
    constants = {"w": values(7, 12) if turned else values(12, 7)}
    if bias is not None:
        constants["b"] = values(*bias)
    dense = node("Gemm", "x w b" if bias else "x w", transB=turned, alpha=0.5, beta=1.5)
    assert kinds(same_as_runtime(model([dense], {"x": (3, 12)}, constants))) == ["fully_connected"]


def test_products_with_a_sum_behind_them_are_one_layer() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "b a", "c"), node("Relu", "c")]
    constants = {"w": values(12, 7), "b": values(7)}
    for shape in ((3, 12), (2, 3, 12), (12,)):
        graph = same_as_runtime(model(nodes, {"x": shape}, constants))
        assert kinds(graph) == ["fully_connected"]


@pytest.mark.parametrize("code", ["Flatten", "Reshape"])
@pytest.mark.parametrize("dense", ["Gemm", "MatMul"])
def test_a_flattened_image_moves_the_weights_and_not_the_pixels(code: str, dense: str) -> None:
    flatten = node(code, "b shape" if code == "Reshape" else "b", "c")
    nodes = [
        node("Conv", "x v", "a"),
        node("Relu", "a", "b"),
        flatten,
        node("Identity", "c", "d"),
        node(dense, "d w"),
    ]
    constants = {
        "v": values(6, 1, 3, 3),
        "w": values(6 * 3 * 4, 5),
        "shape": np.array([0, -1]),
    }
    graph = same_as_runtime(model(nodes, {"x": (2, 1, 5, 6)}, constants))
    assert kinds(graph) == ["reshape", "conv2d", "reshape", "fully_connected"]


def test_two_readers_of_one_flattened_image() -> None:
    nodes = [
        node("Conv", "x v", "a"),
        node("Flatten", "a", "f"),
        node("MatMul", "f w", "y"),
        node("MatMul", "f w", "z"),
        node("Softmax", "f", "s"),
    ]
    constants = {"v": values(6, 1, 3, 3), "w": values(6 * 3 * 4, 5)}
    data = model(nodes, {"x": (1, 1, 5, 6)}, constants, "y z s")
    graph = same_as_runtime(data)
    # The weights are held once.
    assert sum(t.shape == (5, 72) for t in graph.tensors.values()) == 1


def test_rows_across_images_cannot_move_into_weights() -> None:
    nodes = [node("Conv", "x v", "a"), node("Reshape", "a shape", "f"), node("MatMul", "f w")]
    constants = {"v": values(6, 1, 3, 3), "w": values(8, 5), "shape": np.array([-1, 8])}
    graph = same_as_runtime(model(nodes, {"x": (2, 1, 5, 6)}, constants))
    assert kinds(graph) == ["reshape", "conv2d", "transpose", "reshape", "fully_connected"]


def test_one_array_of_weights_in_two_layers_is_held_once() -> None:
    nodes = [node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Conv", "a w", pads=[1, 1, 1, 1])]
    graph = same_as_runtime(model(nodes, {"x": IMAGE}, {"w": values(4, 4, 3, 3)}))
    first, second = (op for op in graph.ops if isinstance(op, Conv2D))
    assert first.inputs[1] == second.inputs[1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (conv(IMAGE, (5, 3, 3, 2)), "1 groups of weights (5, 3, 3, 2) for 4 channels"),
        (conv(IMAGE, (5, 4, 3)), "weights have shape (5, 4, 3) for an input (1, 4, 9, 10)"),
        (conv(IMAGE, (5, 4, 3, 2), strides=[0, 1]), "attribute 'strides' is (0, 1)"),
        (conv(IMAGE, (5, 4, 3, 2), pads=[1, 1]), "attribute 'pads' is (1, 1)"),
        (conv(IMAGE, (5, 4, 3, 2), pads=[-1, 1, 1, 1]), "attribute 'pads' is (-1, 1, 1, 1)"),
        (conv(IMAGE, (5, 4, 3, 2), kernel_shape=[2, 2]), "kernel_shape is (2, 2)"),
        (conv(IMAGE, (5, 4, 3, 2), auto_pad="SIDEWAYS"), "auto_pad is 'SIDEWAYS'"),
        (conv(IMAGE, (5, 4, 3, 2), group=2.0), "attribute 'group' is of type 1, expected 2"),
        (conv(IMAGE, (5, 4, 30, 2)), "a 30x2 window does not fit"),
    ],
)
def test_what_is_malformed_is_named(data: bytes, reason: str) -> None:
    found = message(data, ModelError)
    assert found.startswith("onnx:node[0] Conv 'y': ") and reason in found


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (node("Conv", "x x"), "Conv with weights that are computed at run time x1"),
        (node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2]), "with dilations"),
        (node("MaxPool", "x", "y i", kernel_shape=[2, 2]), "indices as a second output"),
        (node("MaxPool", "x", kernel_shape=[2, 2], storage_order=1), "with storage_order"),
        (node("MatMul", "x x"), "MatMul with weights that are computed at run time"),
        (node("ConvTranspose", "x x"), "ConvTranspose x1: node[0] 'y'"),
    ],
)
def test_what_is_unsupported_is_named(nodes: Any, reason: str) -> None:
    data = model([nodes], {"x": IMAGE}, outputs=" ".join(nodes.output))
    assert reason in message(data, UnsupportedError)


def test_lines_fold_their_normalisation_and_their_pads() -> None:
    nodes = [
        node("Pad", "x p", "q"),
        node("Conv", "q w", "c"),
        node("BatchNormalization", "c s s s v", "n"),
        node("Relu", "n"),
    ]
    constants = {
        "p": np.array([0, 0, 2, 0, 0, 1]),
        "w": values(4, 3, 3),
        "s": values(4),
        "v": np.abs(values(4)) + np.float32(1),
    }
    graph = same_as_runtime(model(nodes, {"x": (1, 3, 9)}, constants))
    assert [kind for kind in kinds(graph) if kind not in ("reshape", "transpose")] == ["conv2d"]
