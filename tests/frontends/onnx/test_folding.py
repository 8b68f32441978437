"""Arithmetic of shapes that exporters leave in files vanishes while reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.onnx import FOLDS
from edgeq.frontends.onnx.folding import MAX_ELEMENTS
from edgeq.frontends.onnx.targets import QUANTS
from tests.frontends.onnx.one_model import kinds, message, model, node, same_as_runtime, values


def computed(*nodes: onnx.NodeProto, opset: int = 17, **constants: Any) -> bytes:
    """Return a model that reshapes [2,3,4] to what ``nodes`` compute as ``s``."""
    arrays = {name: np.array(value) for name, value in constants.items()}
    return model([*nodes, node("Reshape", "x s")], {"x": (2, 3, 4)}, arrays, opset=opset)


SHAPES: dict[str, list[onnx.NodeProto]] = {
    "torch view": [
        node("Shape", "x", "a"),
        node("Gather", "a zero", "b", axis=0),
        node("Unsqueeze", "b first", "c"),
        node("Concat", "c rest", "s", axis=0),
    ],
    "slices": [
        node("Shape", "x", "a"),
        node("Slice", "a first two", "b"),
        node("Concat", "b rest", "s", axis=0),
    ],
    "a part of a shape": [
        node("Shape", "x", "b", start=0, end=1),
        node("Concat", "b rest", "s", axis=0),
    ],
    "product": [
        node("Shape", "x", "a"),
        node("ReduceProd", "a", "b", keepdims=1),
        node("Div", "b two", "c"),
        node("Concat", "two c", "s", axis=0),
    ],
    "casts": [
        node("Shape", "x", "a"),
        node("Cast", "a", "b", to=TensorProto.FLOAT),
        node("Mul", "b half", "c"),
        node("Floor", "c", "d"),
        node("Sub", "b d", "e"),
        node("Add", "d e", "f"),
        node("Neg", "f", "g"),
        node("Neg", "g", "h"),
        node("Cast", "h", "s", to=TensorProto.INT64),
    ],
    "where": [
        node("Shape", "x", "a"),
        node("ConstantOfShape", "three", "b", value=numpy_helper.from_array(np.array([-1]))),
        node("Equal", "a four", "d"),
        node("Where", "d b a", "s"),
    ],
    "ranges": [
        node("Range", "two_ four_ one_", "a"),
        node("Expand", "a two", "b"),
        node("Squeeze", "b", "c"),
        node("Sub", "c one_", "d"),
        node("Concat", "d three four", "e", axis=0),
        node("Transpose", "e", "f", perm=[0]),
        node("Slice", "f first three_", "g"),
        node("Reshape", "g rest", "s_"),
        node("Identity", "s_", "s__"),
        node("Concat", "two rest", "s", axis=0),
    ],
    "constants": [
        node("Constant", "", "a", value_ints=[2]),
        node("Constant", "", "b", value_int=-1),
        node("Unsqueeze", "b first", "c"),
        node("Concat", "a c", "s", axis=0),
    ],
    "size": [
        node("Constant", "", "a", value=numpy_helper.from_array(np.arange(24))),
        node("Size", "a", "b"),
        node("Flatten", "b", "c", axis=0),
        node("Squeeze", "c", "d"),
        node("Unsqueeze", "d first", "s"),
    ],
    "floats": [
        node("Constant", "", "a", value_floats=[4.0, 36.0]),
        node("Sqrt", "a", "b"),
        node("Constant", "", "c", value_float=2.0),
        node("Mul", "b c", "d"),
        node("Ceil", "d", "e"),
        node("Div", "e c", "f"),
        node("Cast", "f", "g", to=TensorProto.INT64),
        node("Concat", "g rest", "s_", axis=0),
        node("Gather", "s_ ends", "s"),
    ],
}
CONSTANTS = {
    "zero": 0, "first": [0], "rest": [-1], "two": [2], "three": [3], "four": [4],
    "two_": 2, "four_": 4, "one_": 1, "three_": [1],
    "half": np.float32(0.5), "ends": [0, 2],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shapes_are_computed_while_reading(name: str) -> None:
    graph = same_as_runtime(computed(*SHAPES[name], **CONSTANTS))
    assert kinds(graph) == ["reshape"]


def test_every_fold_is_tested() -> None:
    tested = {step.op_type for nodes in SHAPES.values() for step in nodes} | {"Dropout"}
    # test_qonnx.py and test_ops_islands.py fold weights to codes and back.
    codes = {"Clip", "DequantizeLinear", "QuantizeLinear", *QUANTS}
    assert tested | codes == set(FOLDS)


def test_constants_that_a_layer_reads_are_folded() -> None:
    nodes = [
        node("Transpose", "w", "a", perm=[1, 0]),
        node("Mul", "a two", "b"),
        node("Dropout", "b", "c"),
        node("Gemm", "x c"),
    ]
    constants = {"w": values(5, 6), "two": np.float32(2)}
    assert kinds(same_as_runtime(model(nodes, {"x": (2, 6)}, constants))) == ["fully_connected"]


FILL = numpy_helper.from_array(np.array([1], np.int64))


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        (node("ConstantOfShape", "n", "s", value=FILL), {"n": [1 << 40]}, "of shape (1099511627"),
        (node("ConstantOfShape", "n", "s", value=FILL), {"n": [-1]}, "of shape (-1,)"),
        (node("Range", "a b c", "s"), {"a": 0, "b": 1 << 60, "c": 1}, "of shape (1152921504606"),
        (node("Range", "a b c", "s"), {"a": 0, "b": 5, "c": 0}, "its constants do not fit it"),
        (node("Expand", "a n", "s"), {"a": [1], "n": [MAX_ELEMENTS, 2]}, "of shape (1048576, 2)"),
        (node("Div", "a b", "s"), {"a": [1], "b": [0]}, "its constants do not fit it: int64 (1,)"),
        (node("Add", "a b", "s"), {"a": [1, 2], "b": [1, 2, 3]}, "its constants do not fit it"),
        (node("Concat", "a b", "s"), {"a": [1], "b": [[1]]}, "its constants do not fit it"),
        (node("Gather", "a b", "s"), {"a": [1], "b": [7]}, "its constants do not fit it"),
        (node("Gather", "a b", "s"), {"a": 1, "b": [7]}, "dimension 0 of 0"),
        (node("Cast", "a", "s", to=8), {"a": [1]}, "its constants do not fit it"),
        (node("Where", "a b", "s"), {"a": [1], "b": [7]}, "its constants do not fit it"),
    ],
)
def test_what_is_malformed_is_named(
    nodes: onnx.NodeProto, constants: dict[str, Any], reason: str
) -> None:
    found = message(computed(nodes, **constants), ModelError)
    assert found.startswith(f"onnx:node[0] {nodes.op_type} 's': ") and reason in found


def test_a_large_outer_sum_is_refused() -> None:
    column = np.zeros((1 << 11, 1), np.int64)
    data = computed(node("Add", "a b", "s"), a=column, b=column.T)
    assert "computes a constant of shape (2048, 2048)" in message(data, ModelError)


def test_many_constants_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeq.frontends.nchw.builder.MAX_FOLDED", 1 << 16)
    nodes = [node("ConstantOfShape", "n", f"c{i}", value=FILL) for i in range(20)]
    found = message(computed(*nodes, n=[1 << 10]), ModelError)
    assert "node[8] ConstantOfShape 'c8': constants that the file computes have more than" in found


def test_a_constant_without_a_value_is_refused() -> None:
    bare = helper.make_node("Constant", [], ["s"])
    assert "with the attributes none" in message(computed(bare), UnsupportedError)
