from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.frontends.nchw.ports import channels_last_ports
from edgeq.frontends.onnx import read_onnx
from edgeq.ir.graph import Graph
from edgeq.ir.verify import verify
from tests.frontends.onnx.one_model import kinds, model, node, values


def turned(array: np.ndarray) -> np.ndarray:
    order = (0, *range(2, array.ndim), 1)
    return np.ascontiguousarray(array.transpose(order)) if array.ndim > 2 else array


def same_but_for_order(data: bytes) -> Graph:
    graph = read_onnx(data, "m")
    made = verify(channels_last_ports(graph))
    assert (made.inputs, made.outputs) == (graph.inputs, graph.outputs)
    arrays = [values(*graph.tensors[name].shape) for name in graph.inputs]
    wanted = reference.run(graph, arrays)
    moved = [
        array if made.tensors[name].shape == array.shape else turned(array)
        for name, array in zip(graph.inputs, arrays, strict=True)
    ]
    for got, expected in zip(reference.run(made, moved), wanted, strict=True):
        np.testing.assert_array_equal(
            got, expected if got.shape == expected.shape else turned(expected)
        )
    return made


@pytest.mark.parametrize("shape", [(1, 4, 6, 7), (2, 4, 9)])
def test_ports_that_are_images_need_no_copy(shape: tuple[int, ...]) -> None:
    data = model(
        [node("Conv", "x w")], {"x": shape}, {"w": values(5, 4, *([3] * (len(shape) - 2)))}
    )
    made = same_but_for_order(data)
    assert not {"transpose"} & set(kinds(made))
    assert made.tensors["x"].shape == (shape[0], *shape[2:], 4)
    assert made.tensors["y"].shape[-1] == 5


def test_one_channel_is_only_another_shape() -> None:
    data = model([node("Conv", "x w")], {"x": (1, 1, 6, 7)}, {"w": values(5, 1, 3, 3)})
    made = same_but_for_order(data)
    assert kinds(made) == ["conv2d"] and made.tensors["x"].shape == (1, 6, 7, 1)


def test_ports_that_something_else_reads_stay() -> None:
    nodes = [node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Flatten", "x", "f")]
    data = model(nodes, {"x": (1, 4, 6, 7)}, {"w": values(4, 4, 3, 3)}, "a f")
    made = same_but_for_order(data)
    assert made.tensors["x"].shape == (1, 4, 6, 7) and made.tensors["a"].shape == (1, 6, 7, 4)
    nodes = [node("Conv", "x w", "a"), node("Relu", "a", "b"), node("MatMul", "b k", "y")]
    constants = {"w": values(4, 4, 3, 3), "k": values(5, 3)}
    same_but_for_order(model(nodes, {"x": (1, 4, 6, 7)}, constants, "b y"))


def test_ports_that_are_no_images_stay() -> None:
    data = model([node("Gemm", "x w")], {"x": (1, 4)}, {"w": values(4, 3)})
    assert same_but_for_order(data).tensors["x"].shape == (1, 4)
