from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from edgeq.errors import ModelError, UnsupportedError
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime, values

IMAGE = (1, 4, 5, 6)
CONV = node("Conv", "x w", "a")
WEIGHTS = {"w": values(3, 4, 2, 2)}


def after_conv(
    *nodes: onnx.NodeProto, opset: int = 17, outputs: str = "y", **constants: Any
) -> bytes:
    """A model whose first layer leaves ``a``, [1,3,4,5] stored channels last."""
    known = {**WEIGHTS, **constants}
    return model([CONV, *nodes], {"x": IMAGE}, known, outputs=outputs, opset=opset)


@pytest.mark.parametrize("perm", [(0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (1, 0, 2, 3), None])
def test_transposing_twice_moves_once(perm: tuple[int, ...] | None) -> None:
    options = {} if perm is None else {"perm": perm}
    graph = same_as_runtime(after_conv(node("Transpose", "a", **options)))
    assert kinds(graph).count("transpose") == (1 if perm == (0, 2, 3, 1) else 2)
    graph = same_as_runtime(
        after_conv(node("Transpose", "a", "b", **options), node("Transpose", "b"))
    )
    assert kinds(graph).count("transpose") <= 2


def test_channels_last_around_a_layer_costs_nothing() -> None:
    nodes = [
        node("Transpose", "x", "a", perm=(0, 3, 1, 2)),
        node("Conv", "a w", "b"),
        node("Transpose", "b", perm=(0, 2, 3, 1)),
    ]
    graph = same_as_runtime(model(nodes, {"x": (1, 5, 6, 4)}, WEIGHTS))
    assert kinds(graph) == ["conv2d"]


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("DepthToSpace", {"blocksize": 2}),
        ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}),
        ("SpaceToDepth", {"blocksize": 2}),
        ("SpaceToDepth", {"blocksize": 1}),
    ],
)
def test_pixels_of_a_block_and_channels(code: str, options: dict[str, Any]) -> None:
    weights = {"w": values(8, 4, 1, 1), "v": values(3, 2 if code[0] == "D" else 32, 1, 1)}
    last = [node("Conv", "b v")] if options["blocksize"] == 2 else [node("Relu", "b")]
    layers = [node("Conv", "x w", "a"), node(code, "a", "b", **options), *last]
    graph = same_as_runtime(model(layers, {"x": (1, 4, 6, 8)}, weights))
    assert kinds(graph).count("transpose") <= 4


@pytest.mark.parametrize(
    "options", [{"blocksize": 0}, {"blocksize": 3}, {"blocksize": 2, "mode": "X"}]
)
def test_blocks_that_do_not_fit(options: dict[str, Any]) -> None:
    data = model([node("DepthToSpace", "x", **options)], {"x": (1, 4, 6, 8)})
    assert "blocks of" in message(data, ModelError)


@pytest.mark.parametrize("shape", [[3, 20], [0, 0, -1], [1, 3, 4, 5], [60], [2, 0, 2, -1]])
def test_reshape(shape: list[int]) -> None:
    same_as_runtime(after_conv(node("Reshape", "a s"), s=np.array(shape)))
    nodes = [node("Reshape", "a s", "b"), node("Sigmoid", "b", "c"), node("Reshape", "c t")]
    same_as_runtime(after_conv(*nodes, s=np.array(shape), t=np.array([5, -1])))


def test_shuffling_channels_moves_once() -> None:
    nodes = [
        node("Conv", "x v", "a"),
        node("Reshape", "a s", "b"),
        node("Transpose", "b", "c", perm=(0, 2, 1, 3, 4)),
        node("Reshape", "c t", "d"),
        node("Conv", "d v", group=2),
    ]
    constants = {"v": values(6, 3, 2, 2), "s": np.array([0, 2, 3, 4, 5])}
    nodes[0].attribute.append(helper.make_attribute("group", 2))
    data = model(nodes, {"x": (2, 6, 5, 6)}, {**constants, "t": np.array([2, 6, 4, 5])})
    graph = same_as_runtime(data)
    assert kinds(graph) == [
        *("transpose", "conv2d", "reshape", "transpose", "reshape", "conv2d", "transpose"),
    ]


def test_pixels_in_a_row_move_nothing() -> None:
    nodes = [
        node("Reshape", "a s", "b"),
        node("Transpose", "b", "c", perm=(0, 2, 1)),
        node("MatMul", "c k"),
    ]
    data = after_conv(*nodes, s=np.array([0, 0, -1]), k=values(3, 7))
    assert kinds(same_as_runtime(data)) == ["transpose", "conv2d", "reshape", "fully_connected"]


def test_there_and_back_is_nothing() -> None:
    nodes = [node("Flatten", "a", "b"), node("Reshape", "b s", "c"), node("Relu", "c")]
    data = after_conv(*nodes, s=np.array([1, 3, 4, 5]))
    assert kinds(same_as_runtime(data)) == ["transpose", "conv2d", "transpose"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((2, 6, 4, 5), (2, 6, 20)),
        ((2, 6, 4, 5), (12, 4, 5)),
        ((2, 6, 4, 5), (2, 2, 3, 20)),
        ((2, 6, 4, 5), (4, 3, 4, 1, 5)),
        ((1, 6, 4, 5), (1, 1, 6, 1, 20)),
        ((1, 6, 4, 5), (8, 3, 5)),
        ((1, 6, 4, 5), (1, 24, 5)),
        ((2, 6, 1, 5), (2, 3, 10)),
        ((2, 6, 4, 5), (5, 4, 6, 2)),
    ],
)
def test_groups_of_dimensions(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    turn = node("Transpose", "x", "a", perm=(0, 3, 1, 2))
    shape = (before[0], before[2], before[3], before[1])
    nodes = [turn, node("Reshape", "a s", "b"), node("Sigmoid", "b")]
    same_as_runtime(model(nodes, {"x": shape}, {"s": np.array(after)}))


@pytest.mark.parametrize("axis", [0, 1, 2, 4, -1])
def test_flatten(axis: int) -> None:
    same_as_runtime(after_conv(node("Flatten", "a", axis=axis)))


@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axes", [[0], [0, 4], [2, 3], [-1]])
def test_unsqueeze_and_squeeze(axes: list[int], opset: int) -> None:
    if opset < 13:
        there, back = node("Unsqueeze", "a", "b", axes=axes), node("Squeeze", "b", axes=axes)
    else:
        there, back = node("Unsqueeze", "a n", "b"), node("Squeeze", "b n")
    data = after_conv(there, back, opset=opset, outputs="b y", n=np.array(axes))
    graph = same_as_runtime(data)
    # What leaves the model is in the order of ONNX; one transposition serves both where it can.
    assert kinds(graph).count("transpose") <= 3


def test_squeeze_without_axes() -> None:
    same_as_runtime(after_conv(node("Squeeze", "a")))
    pooled = [node("GlobalAveragePool", "a", "b"), node("Squeeze", "b")]
    assert kinds(same_as_runtime(after_conv(*pooled)))[:3] == ["transpose", "conv2d", "mean"]


@pytest.mark.parametrize("axis", [1, 2, -1, -3])
def test_concat(axis: int) -> None:
    nodes = [node("Relu", "a", "b"), node("Concat", "a b a", axis=axis)]
    graph = same_as_runtime(after_conv(*nodes))
    assert kinds(graph).count("transpose") == 2


def test_concat_with_constants_and_inputs() -> None:
    nodes = [CONV, node("Concat", "k a z", axis=1)]
    constants = {**WEIGHTS, "k": values(1, 2, 4, 5)}
    same_as_runtime(model(nodes, {"x": IMAGE, "z": (1, 1, 4, 5)}, constants))


@pytest.mark.parametrize("opset", [11, 13, 18])
@pytest.mark.parametrize(("axis", "sizes"), [(1, [1, 2]), (2, [2, 2]), (-1, [4, 1])])
def test_split(axis: int, sizes: list[int], opset: int) -> None:
    if opset < 13:
        cut = node("Split", "a", "y z", axis=axis, split=sizes)
    else:
        cut = node("Split", "a n", "y z", axis=axis)
    same_as_runtime(after_conv(cut, opset=opset, outputs="y z", n=np.array(sizes)))


def test_split_into_equal_pieces() -> None:
    same_as_runtime(after_conv(node("Split", "a", "y z", axis=2), outputs="y z"))
    last = node("Split", "a", "y z", axis=3, num_outputs=2)
    same_as_runtime(after_conv(last, outputs="y z", opset=18))
    # A piece that nothing reads is a piece all the same.
    same_as_runtime(after_conv(node("Split", "a", "y z", axis=2)))


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([0, 1], [2, 4], [1, 3], [1, 1]),
        ([1], [2**31], [2], [2]),
        ([-3], [-1], [-1], [1]),
        ([0, 0, 1], [1, 3, 9], [0, 1, 2], [1, 2, 1]),
    ],
)
def test_slice(starts: list[int], ends: list[int], axes: list[int], steps: list[int]) -> None:
    constants = {"s": starts, "e": ends, "n": axes, "t": steps}
    arrays = {name: np.array(numbers) for name, numbers in constants.items()}
    same_as_runtime(after_conv(node("Slice", "a s e n t"), **arrays))
    if set(steps) == {1}:
        old = node("Slice", "a", starts=starts, ends=ends, axes=axes)
        same_as_runtime(after_conv(old, opset=9))


@pytest.mark.parametrize("index", [0, -1, [1], [-2]])
@pytest.mark.parametrize("axis", [1, 3])
def test_gather_of_one(index: Any, axis: int) -> None:
    same_as_runtime(after_conv(node("Gather", "a i", axis=axis), i=np.array(index)))


PADS = [0, 0, 1, 2, 0, 0, 3, 0]


@pytest.mark.parametrize("opset", [9, 11, 13, 18])
@pytest.mark.parametrize("fill", [0.0, -1.5])
def test_pad(opset: int, fill: float) -> None:
    if opset < 11:
        pad, constants = node("Pad", "a", pads=PADS, value=fill), {}
    else:
        pad, constants = node("Pad", "a p f"), {"p": np.array(PADS), "f": np.float32(fill)}
    same_as_runtime(after_conv(pad, opset=opset, **constants))


def test_pad_of_named_axes() -> None:
    data = after_conv(
        node("Pad", "a p - n"), opset=18, p=np.array([1, 0, 2, 1]), n=np.array([-1, 1])
    )
    same_as_runtime(data)


def test_a_pad_before_a_layer_becomes_its_padding() -> None:
    nodes = [node("Pad", "x p", "b"), node("Conv", "b w")]
    constants = {**WEIGHTS, "p": np.array([0, 0, 1, 1, 0, 0, 2, 2])}
    graph = same_as_runtime(model(nodes, {"x": IMAGE}, constants))
    assert "pad" not in kinds(graph)


def test_what_only_trains_is_dropped() -> None:
    nodes = [node("Dropout", "a", "b mask"), node("Identity", "b", "c"), node("Relu", "c")]
    graph = same_as_runtime(after_conv(*nodes))
    assert kinds(graph) == ["transpose", "conv2d", "transpose"]


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        (node("Reshape", "a s"), {"s": [7, -1]}, "(1, 3, 4, 5) cannot become (7, -1)"),
        (node("Reshape", "a s"), {"s": [-1, -1]}, "(1, 3, 4, 5) cannot become (-1, -1)"),
        (node("Reshape", "a s"), {"s": [60.0]}, "extents are not whole numbers"),
        (node("Transpose", "a", perm=[0, 0, 1, 2]), {}, "(0, 0, 1, 2) does not order 4"),
        (node("Squeeze", "a s"), {"s": [1]}, "axes (1,) of (1, 3, 4, 5) are not all 1"),
        (node("Split", "a s", "y z", axis=1), {"s": [1, 1]}, "cannot split into (1, 1)"),
        (node("Split", "a", "y z", axis=1), {}, "3 elements in 2 equal pieces"),
        (node("Slice", "a s s n"), {"s": [1], "n": [5]}, "dimension 5 of 4"),
        (node("Slice", "a s s n n"), {"s": [1], "n": [0]}, "steps of 0"),
        (node("Pad", "a s"), {"s": [1, 1]}, "2 paddings for 4 dimensions"),
        (node("Concat", "a a", axis=4), {}, "dimension 4 of 4"),
        (node("Flatten", "a", axis=5), {}, "axis 5 of 4 dimensions"),
        (node("Gather", "a s", axis=1), {"s": 3}, "dimension 3 of 3"),
    ],
)
def test_what_is_malformed_is_named(
    nodes: onnx.NodeProto, constants: dict[str, Any], reason: str
) -> None:
    arrays = {name: np.array(numbers) for name, numbers in constants.items()}
    found = message(after_conv(nodes, **arrays), ModelError)
    assert found.startswith(f"onnx:node[1] {nodes.op_type} 'y': ") and reason in found


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        (node("Pad", "a s", mode="reflect"), {"s": PADS}, "Pad in mode reflect x1"),
        (node("Pad", "a s"), {"s": [-1] * 8}, "Pad with negative paddings x1"),
        (node("Slice", "a s e n n"), {"s": [3], "e": [0], "n": [-1]}, "Slice with steps of -1"),
        (node("Slice", "a s s n"), {"s": [1], "n": [1]}, "Slice that leaves nothing"),
        (node("Gather", "a s"), {"s": [0, 0]}, "Gather of other than one constant index"),
        (node("Reshape", "a a"), {}, "Reshape with extents that are computed at run time"),
        (node("Dropout", "a", "y mask"), {}, "Dropout with a mask as a second output"),
        (node("Expand", "a s"), {"s": [2, 3, 4, 5]}, "Expand of values that are computed at run"),
    ],
)
def test_what_is_unsupported_is_named(
    nodes: onnx.NodeProto, constants: dict[str, Any], reason: str
) -> None:
    arrays = {name: np.array(numbers) for name, numbers in constants.items()}
    data = after_conv(nodes, outputs=" ".join(nodes.output), **arrays)
    assert reason in message(data, UnsupportedError)
