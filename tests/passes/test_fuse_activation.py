"""ReLUs become clamps of the operation before, exactly and only where they may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.passes.fuse_activation import fuse_activation
from tests.passes.nets import Net, graphs, kinds, quant, same

ACTIVATIONS = [Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1]


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    same(graph, fuse_activation(graph))


def _conv(net: Net, x: str) -> str:
    return net.conv(x)


def _add(net: Net, x: str) -> str:
    return net.op(Add, x, x)


def _pool(net: Net, x: str) -> str:
    return net.op(AveragePool2D, x, window=(2, 2), stride=(1, 1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("build", [_conv, _add, _pool])
@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8, DType.FLOAT32])
@pytest.mark.parametrize("zero", ["lowest", "middle", "highest"])
def test_clamp_joins_the_operation_before(
    dtype: DType, build: Callable[[Net, str], str], activation: Activation, zero: str
) -> None:
    params = None
    if not dtype.is_float:
        places = {"lowest": dtype.min, "middle": dtype.min + 100, "highest": dtype.max}
        params = quant(0.03, places[zero])
    net = Net(dtype, params)
    before = build(net, net.input((1, 4, 4, 2)))
    graph = net.graph(net.op(Relu, before, activation=activation))
    fused = fuse_activation(graph)
    assert kinds(fused) == kinds(graph)[:1]
    assert fused.ops[0].activation is activation
    same(graph, fused)


def test_only_the_first_of_two_joins() -> None:
    net = Net()
    first = net.op(Relu, net.conv(net.input((1, 4, 4, 2))), activation=Activation.RELU6)
    graph = net.graph(net.op(Relu, first, activation=Activation.RELU_N1_TO_1))
    fused = fuse_activation(graph)
    assert kinds(fused) == ["conv2d", "relu"]
    same(graph, fused)


def _another_scale(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(Relu, net.conv(x), params=quant(0.25)),)


def _another_zero(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(Relu, net.conv(x), params=quant(0.5, -128)),)


def _another_reader(net: Net, x: str) -> tuple[str, ...]:
    before = net.conv(x)
    return net.op(Relu, before), net.op(Reshape, before, shape=(32,))


def _output(net: Net, x: str) -> tuple[str, ...]:
    before = net.conv(x)
    return net.op(Relu, before), before


def _clamped_before(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(Relu, net.conv(x, activation=Activation.RELU6)),)


def _no_clamp_before(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(Relu, net.op(Reshape, x, shape=(32,))),)


def _nothing_before(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(Relu, x),)


@pytest.mark.parametrize(
    "build",
    [
        _another_scale,
        _another_zero,
        _another_reader,
        _output,
        _clamped_before,
        _no_clamp_before,
        _nothing_before,
    ],
)
def test_others_stay(build: Callable[[Net, str], Any]) -> None:
    net = Net()
    graph = net.graph(*build(net, net.input((1, 4, 4, 2))))
    assert kinds(fuse_activation(graph)) == kinds(graph)
    same(graph, fuse_activation(graph))
