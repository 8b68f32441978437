"""Factors and summands of channels join the layer before, rounded once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.mul import Mul
from edgeq.ops.reshape import Reshape
from edgeq.passes.fold_scales import fold_scales
from tests.passes.nets import Net, kinds, outputs, same

SHAPE = (1, 5, 6, 2)


def net() -> Net:
    return Net(DType.FLOAT32, None)


def row(made: Net, *numbers: float) -> str:
    return made.const(np.array(numbers, np.float32))


def conv(made: Net) -> str:
    return made.conv(made.input(SHAPE), size=2)


def depthwise(made: Net) -> str:
    return made.depthwise(made.input(SHAPE), size=2)


def dense(made: Net) -> str:
    weights = made.const(np.array([[1, -2], [3, 5]], np.float32))
    return str(made.op(FullyConnected, made.input((3, 2)), weights, keep_dims=True))


@pytest.mark.parametrize("layer", [conv, depthwise, dense])
def test_powers_of_two_change_no_bit(layer: Callable[[Net], str]) -> None:
    made = net()
    scaled = made.op(Mul, layer(made), row(made, 0.5, -4))
    moved = made.op(Add, row(made, 1, 0.25), scaled)
    graph = made.graph(made.op(Mul, moved, row(made, 2)))
    folded = fold_scales(graph)
    assert kinds(folded) == kinds(graph)[:1]
    same(graph, folded)


def test_each_number_is_rounded_once() -> None:
    made = net()
    weights, bias = np.float32([[1.1, -0.3], [7.7, 0.9]]), np.float32([0.7, -5.3])
    layer = made.op(FullyConnected, made.input((3, 2)), made.const(weights), made.const(bias))
    factor = np.float32([1.3, 0.37])
    folded = fold_scales(made.graph(made.op(Mul, layer, made.const(factor))))
    _, w, b = folded.ops[0].inputs
    exact = factor.astype(np.float64)
    np.testing.assert_array_equal(
        folded.tensors[w].array, (weights * exact[:, None]).astype(np.float32)
    )
    np.testing.assert_array_equal(folded.tensors[b].array, (bias * exact).astype(np.float32))


def test_a_layer_without_bias_gets_one() -> None:
    made = net()
    folded = fold_scales(made.graph(made.op(Add, conv(made), row(made, 3, -1))))
    np.testing.assert_array_equal(folded.tensors[folded.ops[0].inputs[2]].array, [3, -1])


def test_weights_of_two_layers_stay_apart() -> None:
    made = net()
    first = conv(made)
    weights = made.ops[0].inputs[1]
    second = made.op(type(made.ops[0]), made.inputs[0], weights)
    graph = made.graph(made.op(Mul, first, row(made, 2, 4)), second)
    same(graph, fold_scales(graph))


def _another_reader(made: Net) -> tuple[str, ...]:
    before = conv(made)
    return made.op(Mul, before, row(made, 2, 4)), made.op(Reshape, before, shape=(40,))


def _output(made: Net) -> tuple[str, ...]:
    before = conv(made)
    return made.op(Mul, before, row(made, 2, 4)), before


def _clamped(made: Net) -> tuple[str, ...]:
    before = made.conv(made.input(SHAPE), activation=Activation.RELU)
    return (made.op(Mul, before, row(made, 2, 4)),)


def _clamps(made: Net) -> tuple[str, ...]:
    return (made.op(Mul, conv(made), row(made, 2, 4), activation=Activation.RELU),)


def _varies_along_rows(made: Net) -> tuple[str, ...]:
    before = made.conv(made.input((1, 2, 1, 2)))
    return (made.op(Mul, before, made.const(np.ones((2, 1, 1), np.float32))),)


def _varies_everywhere(made: Net) -> tuple[str, ...]:
    before = made.conv(made.input((1, 2, 2, 2)))
    return (made.op(Mul, before, made.const(np.ones((2, 2, 2), np.float32))),)


def _grows(made: Net) -> tuple[str, ...]:
    before = made.op(FullyConnected, made.input((1, 2)), made.const(np.ones((1, 2), np.float32)))
    return (made.op(Mul, before, row(made, 2, 4)),)


def _overflows(made: Net) -> tuple[str, ...]:
    return (made.op(Mul, conv(made), row(made, 3e38, 1)),)


def _no_layer(made: Net) -> tuple[str, ...]:
    return (made.op(Mul, made.op(Mul, made.input(SHAPE), row(made, 2)), row(made, 2)),)


def _computed(made: Net) -> tuple[str, ...]:
    return (made.op(Mul, conv(made), made.input((2,))),)


@pytest.mark.parametrize(
    "build",
    [
        _another_reader,
        _output,
        _clamped,
        _clamps,
        _varies_along_rows,
        _varies_everywhere,
        _grows,
        _overflows,
        _no_layer,
        _computed,
    ],
)
def test_what_must_stay_stays(build: Callable[[Net], tuple[str, ...]]) -> None:
    made = net()
    graph: Graph = made.graph(*build(made))
    folded = fold_scales(graph)
    assert [id(op) for op in folded.ops] == [id(op) for op in graph.ops]


def test_integer_layers_stay() -> None:
    made = Net()
    first = made.conv(made.input(SHAPE))
    scale = made.const(np.array([2, 4], np.int8), made.params)
    graph = made.graph(made.op(Mul, first, scale))
    ops: tuple[Op, ...] = fold_scales(graph).ops
    assert ops == graph.ops
    assert outputs(graph)
