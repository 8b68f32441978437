"""Pads move into convolutions, exactly and only where they may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.pad import Pad
from edgeq.passes.fuse_pad import fuse_pad
from tests.passes.nets import Net, graphs, kinds, quant, same

HW = ((0, 0), (1, 2), (0, 1), (0, 0))


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    same(graph, fuse_pad(graph))


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8, DType.FLOAT32])
def test_pad_joins_the_padding_of_every_reader(dtype: DType) -> None:
    net = Net(dtype, None if dtype.is_float else quant(0.5, 5))
    padded = net.op(Pad, net.input((1, 4, 4, 2)), paddings=HW, value=0 if dtype.is_float else 5)
    first = net.conv(padded, size=3, padding=Padding(1, 0, 1, 0))
    second = net.depthwise(padded, size=2)
    graph = net.graph(first, second)
    fused = fuse_pad(graph)
    assert kinds(fused) == ["conv2d", "depthwise_conv2d"]
    assert fused.ops[0].padding == Padding(2, 2, 1, 1)
    assert fused.ops[1].padding == Padding(1, 2, 0, 1)
    same(graph, fused)


def test_pads_in_a_row_all_move() -> None:
    net = Net()
    once = net.op(Pad, net.input((1, 4, 4, 2)), paddings=HW)
    graph = net.graph(net.conv(net.op(Pad, once, paddings=HW), size=3))
    fused = fuse_pad(graph)
    assert kinds(fused) == ["conv2d"]
    assert fused.ops[0].padding == Padding(2, 4, 0, 2)
    same(graph, fused)


def _other_value(net: Net, x: str) -> tuple[str, ...]:
    return (net.conv(net.op(Pad, x, paddings=HW, value=1)),)


def _channels(net: Net, x: str) -> tuple[str, ...]:
    return (net.conv(net.op(Pad, x, paddings=(*HW[:3], (0, 1)))),)


def _batch(net: Net, x: str) -> tuple[str, ...]:
    return (net.conv(net.op(Pad, x, paddings=((1, 0), *HW[1:]))),)


def _another_scale(net: Net, x: str) -> tuple[str, ...]:
    return (net.conv(net.op(Pad, x, paddings=HW, params=quant(0.25))),)


def _output(net: Net, x: str) -> tuple[str, ...]:
    padded = net.op(Pad, x, paddings=HW)
    return net.conv(padded), padded


def _max_pool(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(MaxPool2D, net.op(Pad, x, paddings=HW), window=(2, 2), stride=(1, 1)),)


def _average_pool(net: Net, x: str) -> tuple[str, ...]:
    return (net.op(AveragePool2D, net.op(Pad, x, paddings=HW), window=(2, 2), stride=(1, 1)),)


def _pool_too(net: Net, x: str) -> tuple[str, ...]:
    padded = net.op(Pad, x, paddings=HW)
    return net.conv(padded), net.op(MaxPool2D, padded, window=(2, 2), stride=(1, 1))


@pytest.mark.parametrize(
    "build",
    [
        _other_value,
        _channels,
        _batch,
        _another_scale,
        _output,
        _max_pool,
        _average_pool,
        _pool_too,
    ],
)
def test_other_pads_stay(build: Callable[[Net, str], Any]) -> None:
    net = Net()
    graph = net.graph(*build(net, net.input((1, 4, 4, 2))))
    assert kinds(fuse_pad(graph)) == kinds(graph)
    same(graph, fuse_pad(graph))
