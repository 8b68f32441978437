from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from edgeq.errors import ModelError, UnsupportedError
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime, values

IMAGE = (1, 4, 5, 6)
CONV = node("Conv", "x w", "a")
WEIGHTS = {"w": values(3, 4, 2, 2)}


def after_conv(*nodes: onnx.NodeProto, opset: int = 17, **constants: Any) -> bytes:
    """A model whose first layer leaves ``a``, [1,3,4,5] stored channels last."""
    return model([CONV, *nodes], {"x": IMAGE}, {**WEIGHTS, **constants}, opset=opset)


@pytest.mark.parametrize("code", ["Relu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid"])
@pytest.mark.parametrize("opset", [14, 22])
def test_functions_of_one_element(code: str, opset: int) -> None:
    same_as_runtime(after_conv(node(code, "a"), opset=opset), scale=3.0)


@pytest.mark.parametrize("alpha", [1 / 6, 0.2, 0.5])
def test_hard_sigmoid_of_any_slope(alpha: float) -> None:
    data = model([node("HardSigmoid", "x", alpha=alpha, beta=0.4)], {"x": (3, 40)})
    same_as_runtime(data, scale=4.0)


@pytest.mark.parametrize("bounds", [(0.0, 6.0), (-1.0, 1.0), (0.0, None), (None, None)])
@pytest.mark.parametrize("opset", [9, 12, 13])
def test_clip(bounds: tuple[float | None, float | None], opset: int) -> None:
    low, high = bounds
    if opset < 11:
        given = {name: b for name, b in (("min", low), ("max", high)) if b is not None}
        clip, constants = node("Clip", "a", **given), {}
    else:
        names = ["-" if b is None else name for name, b in (("low", low), ("high", high))]
        clip = node("Clip", f"a {' '.join(names)}")
        pairs = (("low", low), ("high", high))
        constants = {name: np.float32(b) for name, b in pairs if b is not None}
    same_as_runtime(after_conv(clip, opset=opset, **constants), scale=4.0)


def test_other_bounds_are_refused() -> None:
    data = after_conv(node("Clip", "a low high"), low=np.float32(0), high=np.float32(1))
    assert "Clip between 0.0 and 1.0 x1: node[1] 'y'" in message(data, UnsupportedError)


SHAPES = [(1, 3, 4, 5), (3, 1, 1), (1, 3, 1, 1), (5,), (4, 1), (), (1,), (1, 1, 1, 1), (2, 3, 4, 5)]


@pytest.mark.parametrize("code", ["Add", "Mul", "Sub", "Div"])
@pytest.mark.parametrize("shape", SHAPES)
def test_constants_broadcast(code: str, shape: tuple[int, ...]) -> None:
    data = after_conv(node("Relu", "a", "b"), node(code, "b c"), c=values(*shape) + np.float32(3))
    same_as_runtime(data)


@pytest.mark.parametrize("code", ["Add", "Mul", "Sub"])
def test_a_constant_first(code: str) -> None:
    data = after_conv(node("Relu", "a", "b"), node(code, "c b"), c=values(3, 1, 5))
    same_as_runtime(data)


@pytest.mark.parametrize("code", ["Add", "Mul", "Sub"])
@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 3, 1, 1), (3, 4, 1), (5,), (1, 1, 4, 5)])
def test_inputs_broadcast(code: str, shape: tuple[int, ...]) -> None:
    nodes = [CONV, node(code, "a b", "y"), node(code, "b a", "z")]
    data = model(nodes, {"x": IMAGE, "b": shape}, WEIGHTS, "y z")
    same_as_runtime(data)


def test_sums_of_layers_move_nothing() -> None:
    nodes = [CONV, node("Relu", "a", "b"), node("Add", "a b", "c"), node("Mul", "c b", "d")]
    graph = same_as_runtime(model([*nodes, node("Sub", "d a")], {"x": IMAGE}, WEIGHTS))
    assert kinds(graph).count("transpose") == 2


@pytest.mark.parametrize("count", [1, 2, 4])
def test_sums_of_many(count: int) -> None:
    names = ["a", "b", "c", "d"][:count]
    nodes = [node("Relu", "a", "b"), node("Sum", " ".join(names))]
    same_as_runtime(
        model([CONV, *nodes], {"x": IMAGE, "d": (3, 1, 1)}, {**WEIGHTS, "c": values(5)})
    )


def test_names_between_operations_are_those_of_no_value() -> None:
    nodes = [node("Sub", "x w", "a"), node("Add", "a w:Sub")]
    constants = {"w": values(4), "w:Sub": values(4, seed=3)}
    same_as_runtime(model(nodes, {"x": (3, 4)}, constants))


def norm(channels: int, name: str = "y", source: str = "a", **options: Any) -> onnx.NodeProto:
    return node("BatchNormalization", f"{source} s o m v", name, **options)


def statistics(channels: int) -> dict[str, np.ndarray]:
    rows = {name: values(channels, seed=i) for i, name in enumerate("som")}
    return {**rows, "v": np.abs(values(channels, seed=9)) + np.float32(0.1)}


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_normalization_goes_into_the_layer_before(opset: int) -> None:
    data = after_conv(norm(3, "n", epsilon=0.01), node("Relu", "n"), opset=opset, **statistics(3))
    graph = same_as_runtime(data)
    assert kinds(graph) == ["transpose", "conv2d", "transpose"]


def test_batch_normalization_after_other_layers() -> None:
    depthwise = [node("Conv", "x k b", "a", group=4), norm(4)]
    weights = {"k": values(8, 1, 2, 3), "b": values(8)}
    data = model(depthwise, {"x": IMAGE}, {**weights, **statistics(8)})
    assert kinds(same_as_runtime(data)) == ["transpose", "depthwise_conv2d", "transpose"]
    dense = [node("Gemm", "x k b", "a"), norm(7)]
    weights = {"k": values(6, 7), "b": values(7)}
    data = model(dense, {"x": (3, 6)}, {**weights, **statistics(7)})
    assert kinds(same_as_runtime(data)) == ["fully_connected"]


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (2, 3, 7), (4, 3)])
def test_batch_normalization_alone(shape: tuple[int, ...]) -> None:
    data = model([norm(3, source="x")], {"x": shape}, statistics(3))
    found = {"depthwise_conv2d"} if len(shape) == 4 else {"add", "mul"}
    assert found <= set(kinds(same_as_runtime(data)))


def test_broken_batch_normalization() -> None:
    rows = statistics(3)
    assert "a variance is not positive" in message(after_conv(norm(3), **{**rows, "v": -rows["v"]}))
    assert "(4,) scales for 3 channels" in message(after_conv(norm(3), **statistics(4)))
    found = message(after_conv(norm(3, training_mode=1), opset=15, **rows), UnsupportedError)
    assert "BatchNormalization in training mode" in found


@pytest.mark.parametrize("code", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [None, 1, 2, -1])
@pytest.mark.parametrize("opset", [11, 13])
def test_softmax(code: str, axis: int | None, opset: int) -> None:
    options = {} if axis is None else {"axis": axis}
    same_as_runtime(after_conv(node(code, "a", **options), opset=opset))
    same_as_runtime(model([node(code, "x", **options)], {"x": (2, 3, 4)}, opset=opset))


def test_softmax_over_channels_moves_nothing() -> None:
    graph = same_as_runtime(after_conv(node("Softmax", "a", axis=1)))
    assert kinds(graph) == ["transpose", "conv2d", "softmax", "transpose"]


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [1], [0, 1, 2, 3], None])
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("opset", [13, 18])
def test_means(axes: list[int] | None, keep: int, opset: int) -> None:
    if axes is None:
        mean, constants = node("ReduceMean", "a", keepdims=keep), {}
    elif opset < 18:
        mean, constants = node("ReduceMean", "a", axes=axes, keepdims=keep), {}
    else:
        mean, constants = node("ReduceMean", "a c", keepdims=keep), {"c": np.array(axes)}
    same_as_runtime(after_conv(mean, opset=opset, **constants))


def test_the_mean_of_all_pixels_feeds_a_layer_without_a_transposition() -> None:
    nodes = [
        CONV,
        node("ReduceMean", "a", "m", axes=[2, 3], keepdims=0),
        node("Gemm", "m k"),
    ]
    graph = same_as_runtime(model(nodes, {"x": IMAGE}, {**WEIGHTS, "k": values(3, 5)}))
    assert kinds(graph) == ["transpose", "conv2d", "mean", "fully_connected"]


SPELLINGS = {
    "divided": ["Add x three a", "Clip a zero six b", "Mul x b c", "Div c six y"],
    "first": ["Add x three a", "Clip a zero six b", "Div b six c", "Mul c x y"],
    "sigmoid": ["HardSigmoid x b", "Mul x b y"],
}


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_hard_swish_spelled_out(spelling: str) -> None:
    nodes = []
    for line in SPELLINGS[spelling]:
        code, *inputs, output = line.split()
        options = {"alpha": 1 / 6} if code == "HardSigmoid" else {}
        nodes.append(node(code, " ".join(inputs), output, **options))
    constants = {"zero": np.float32(0), "three": np.float32(3), "six": np.float32(6)}
    graph = same_as_runtime(model(nodes, {"x": (2, 60)}, constants), scale=4.0)
    assert kinds(graph) == ["hard_swish"]


def test_what_is_malformed_is_named() -> None:
    assert "shapes (1, 3, 4, 5) and (2, 2) do not broadcast" in message(
        after_conv(node("Add", "a c"), c=values(2, 2)), ModelError
    )
    assert "a division by 0" in message(after_conv(node("Div", "a c"), c=np.zeros(3, np.float32)))
    assert "dimension 4 of 4" in message(after_conv(node("Softmax", "a", axis=4)))
    assert "axes (1, -3) repeat one" in message(after_conv(node("ReduceMean", "a", axes=[1, -3])))


def test_what_is_unsupported_is_named() -> None:
    found = message(
        after_conv(
            node("Div", "a a", "b"),
            node("LeakyRelu", "a", "c"),
            node("Add", "b c", "d"),
            node("Add", "a i"),
            i=np.arange(5),
        ),
        UnsupportedError,
    )
    assert found.startswith("3 operations are not supported:\n")
    assert "  Div with divisors that are computed at run time x1: node[1] 'b'\n" in found
    assert "  LeakyRelu of float values that are no codes x1: node[2] 'c'\n" in found
    assert "  Add of int64 x1: node[4] 'y'\n" in found
