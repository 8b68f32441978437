"""What changes nothing goes; what only looks so stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.concat import Concat
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from edgeq.ops.transpose import Transpose
from edgeq.passes.remove_dead import remove_dead
from tests.passes.nets import Net, graphs, kinds, quant, same

SHAPE = (1, 3, 4, 2)
IDENTITIES = {
    "reshape": (Reshape, {"shape": SHAPE}),
    "pad": (Pad, {"paddings": ((0, 0),) * 4, "value": 3}),
    "concat": (Concat, {"axis": 2}),
    "split": (Split, {"axis": 0}),
    "slice": (Slice, {"begin": (0, 0, 0, 0), "size": SHAPE}),
    "transpose": (Transpose, {"perm": (0, 1, 2, 3)}),
    "requantize": (Requantize, {}),
}


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    after = remove_dead(graph)
    same(graph, after)
    assert len(after.ops) <= len(graph.ops)
    assert kinds(remove_dead(after)) == kinds(after)


def test_unread_operations_go_with_what_only_they_read() -> None:
    net = Net()
    x, other = net.input(SHAPE), net.input(SHAPE)
    kept = net.op(Relu, x)
    net.op(Relu, net.op(Relu, net.conv(other)))
    graph = net.graph(kept)
    after = remove_dead(graph)
    assert kinds(after) == ["relu"]
    assert set(after.tensors) == {x, other, kept}
    same(graph, after)


def test_an_operation_with_one_output_read_stays() -> None:
    net = Net()
    first, _ = net.op(Split, net.input((2, 2)), outs=2, axis=0)
    graph = net.graph(first)
    assert kinds(remove_dead(graph)) == ["split"]


@pytest.mark.parametrize("kind", IDENTITIES)
def test_identities_go(kind: str) -> None:
    cls, fields = IDENTITIES[kind]
    net = Net()
    before = net.op(Relu, net.input(SHAPE))
    middle = net.op(cls, before, **fields)
    graph = net.graph(net.op(Relu, middle), net.op(cls, middle, **fields))
    after = remove_dead(graph)
    assert kinds(after) == ["relu", "relu"]
    same(graph, after)


@pytest.mark.parametrize("kind", IDENTITIES)
def test_identities_between_ports_stay(kind: str) -> None:
    cls, fields = IDENTITIES[kind]
    net = Net()
    x = net.input(SHAPE)
    before = net.op(Relu, x)
    ports = [net.op(cls, x, **fields), before, net.op(cls, before, **fields)]
    graph = net.graph(*ports)
    after = remove_dead(graph)
    assert kinds(after) == kinds(graph)
    same(graph, after)


def test_of_two_outputs_that_are_equal_one_is_a_copy() -> None:
    net = Net()
    before = net.op(Relu, net.input(SHAPE))
    graph = net.graph(*(net.op(Reshape, before, shape=SHAPE) for _ in range(2)))
    after = remove_dead(graph)
    assert kinds(after) == ["relu", "reshape"]
    same(graph, after)


@pytest.mark.parametrize("kind", sorted(set(IDENTITIES) - {"requantize", "concat"}))
def test_copies_that_give_codes_another_meaning_stay(kind: str) -> None:
    cls, fields = IDENTITIES[kind]
    net = Net()
    moved = net.op(cls, net.op(Relu, net.input(SHAPE)), params=quant(0.25, 3), **fields)
    graph = net.graph(net.op(Relu, moved))
    assert kinds(remove_dead(graph)) == kinds(graph)
    same(graph, remove_dead(graph))


def test_transposes_and_packs_that_move_nothing_become_reshapes() -> None:
    net = Net()
    moved = net.op(Transpose, net.op(Relu, net.input((1, 3, 1, 2))), perm=(1, 2, 0, 3))
    stays = net.op(Transpose, moved, perm=(3, 1, 2, 0))
    graph = net.graph(net.op(Pack, stays, axis=1))
    after = remove_dead(graph)
    assert kinds(after) == ["relu", "reshape", "transpose", "reshape"]
    same(graph, after)


def _there_and_back(net: Net, x: str, dtype: DType, move: int) -> str:
    here = net.tensors[x]
    there = net.op(Requantize, x, dtype=dtype, params=quant(here.scale, here.zero_point + move))
    return net.op(Requantize, there, dtype=here.dtype, params=here.quant)


@pytest.mark.parametrize(
    ("here", "there", "move"),
    [
        (DType.INT8, DType.UINT8, 128),
        (DType.UINT8, DType.INT8, -128),
        (DType.INT8, DType.INT16, 500),
    ],
)
def test_lossless_conversions_there_and_back_go(here: DType, there: DType, move: int) -> None:
    net = Net(here, quant(0.5, 7))
    back = _there_and_back(net, net.conv(net.input(SHAPE)), there, move)
    graph = net.graph(net.conv(back))
    after = remove_dead(graph)
    assert kinds(after) == ["conv2d", "conv2d"]
    same(graph, after)


@pytest.mark.parametrize(("there", "move"), [(DType.UINT8, 127), (DType.INT8, 1), (DType.INT8, -1)])
def test_conversions_that_saturate_stay(there: DType, move: int) -> None:
    net = Net()
    graph = net.graph(_there_and_back(net, net.conv(net.input(SHAPE)), there, move))
    assert kinds(remove_dead(graph)) == kinds(graph)


def test_conversions_to_another_scale_stay() -> None:
    net = Net()
    x = net.conv(net.input(SHAPE))
    wide = net.op(Requantize, x, params=quant(0.25))
    flipped = net.op(Requantize, x, dtype=DType.UINT8, params=quant(0.5, 128))
    ends = [
        net.op(Requantize, wide, params=quant()),
        net.op(Requantize, flipped, dtype=DType.INT8, params=quant(0.25)),
    ]
    graph = net.graph(*ends)
    after = remove_dead(graph)
    assert kinds(after) == kinds(graph)
    same(graph, after)


def test_a_conversion_that_others_read_stays_alone() -> None:
    net = Net()
    x = net.conv(net.input(SHAPE))
    flipped = net.op(Requantize, x, dtype=DType.UINT8, params=quant(0.5, 128))
    graph = net.graph(
        net.conv(net.op(Requantize, flipped, dtype=DType.INT8, params=quant())), flipped
    )
    after = remove_dead(graph)
    assert kinds(after) == ["conv2d", "requantize", "conv2d"]
    same(graph, after)


def test_a_constant_behind_an_identity_is_read_directly() -> None:
    net = Net()
    held = net.const(np.arange(24, dtype=np.int8).reshape(SHAPE), quant())
    graph = net.graph(net.op(Concat, net.input(SHAPE), net.op(Reshape, held, shape=SHAPE), axis=0))
    after = remove_dead(graph)
    assert kinds(after) == ["concat"]
    same(graph, after)
