"""Rows of factors become depthwise layers of one pixel, and no number changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu
from edgeq.passes.pipeline import FLOAT_PIPELINE, run_passes
from edgeq.passes.scale_channels import scale_channels
from tests.passes.nets import Net, kinds, outputs, same

SHAPE = (2, 3, 4, 5)


def row(net: Net, *shape: int) -> str:
    rng = np.random.default_rng(len(net.tensors))
    return net.const(rng.normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("shape", [(5,), (1, 1, 5), (1, 1, 1, 5)])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU6])
def test_a_row_becomes_a_layer(shape: tuple[int, ...], first: bool, activation: Activation) -> None:
    net = Net(DType.FLOAT32, None)
    operands = (net.input(SHAPE), row(net, *shape))
    graph = net.graph(net.op(Mul, *operands[:: -1 if first else 1], activation=activation))
    made = scale_channels(graph)
    assert kinds(made) == ["depthwise_conv2d"]
    same(graph, made)


def test_what_follows_joins_the_layer() -> None:
    net = Net(DType.FLOAT32, None)
    x = net.input(SHAPE)
    for _ in range(2):
        x = net.op(Add, net.op(Mul, x, row(net, 5)), row(net, 5))
    graph = net.graph(net.op(Relu, x))
    made = run_passes(graph, FLOAT_PIPELINE)
    assert kinds(made) == ["depthwise_conv2d"]
    # Two products and two sums of numbers of about 1, each rounded to 24 bits.
    np.testing.assert_allclose(outputs(made), outputs(graph), rtol=1e-5, atol=1e-6)


def _number(net: Net) -> tuple[str, str]:
    return net.input(SHAPE), row(net, 1)


def _one_channel(net: Net) -> tuple[str, str]:
    return net.input((2, 3, 4, 1)), row(net, 1)


def _pixels(net: Net) -> tuple[str, str]:
    return net.input((2, 3, 5, 5)), row(net, 5, 1)


def _all(net: Net) -> tuple[str, str]:
    return net.input(SHAPE), row(net, 4, 5)


def _no_image(net: Net) -> tuple[str, str]:
    return net.input((4, 5)), row(net, 5)


def _computed(net: Net) -> tuple[str, str]:
    return net.input(SHAPE), net.input((5,))


@pytest.mark.parametrize("build", [_number, _one_channel, _pixels, _all, _no_image, _computed])
def test_other_products_stay(build: Callable[[Net], tuple[str, str]]) -> None:
    net = Net(DType.FLOAT32, None)
    graph = net.graph(net.op(Mul, *build(net)))
    assert scale_channels(graph).ops == graph.ops


def test_sums_and_integers_stay() -> None:
    net = Net(DType.FLOAT32, None)
    graph = net.graph(net.op(Add, net.input(SHAPE), row(net, 5)))
    assert scale_channels(graph).ops == graph.ops
    net = Net()
    codes = net.const(np.arange(5, dtype=np.int8), net.params)
    graph = net.graph(net.op(Mul, net.input(SHAPE), codes))
    assert scale_channels(graph).ops == graph.ops
