"""uint8 networks in int8: the same real numbers, and ports as they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given

from edgeq import reference
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.passes.flip_uint8 import flip_uint8
from edgeq.passes.lower_arithmetic import lower_arithmetic
from tests.passes.nets import Net, graphs, kinds, quant, same


def _uint8(zero: int = 3) -> Net:
    return Net(DType.UINT8, quant(0.5, zero))


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    same(graph, flip_uint8(graph))


@given(graphs())
def test_flipping_again_changes_nothing(graph: Graph) -> None:
    once = flip_uint8(graph)
    assert kinds(flip_uint8(once)) == kinds(once)


def test_codes_and_zero_points_move_together() -> None:
    net = _uint8()
    x = net.input((2, 2))
    held = net.const(np.array([[0, 255]], np.uint8), quant(0.25, 128))
    y = net.op(Add, x, held)
    after = flip_uint8(net.graph(y))
    assert kinds(after) == ["requantize", "add", "requantize"]
    a, b = after.operands(after.ops[1]).ins
    assert (a.dtype, a.zero_point, a.scale) == (DType.INT8, 3 - 128, 0.5)
    assert (b.dtype, b.zero_point, b.array.tolist()) == (DType.INT8, 0, [[-128, 127]])
    ports = [after.tensors[name] for name in (x, y)]
    assert [(p.dtype, p.zero_point) for p in ports] == [(DType.UINT8, 3), (DType.UINT8, 3)]


def test_every_code_of_a_port() -> None:
    net = _uint8(255)
    graph = net.graph(net.op(Relu, net.input((256,))))
    lowered = lower_arithmetic(flip_uint8(graph))
    codes = np.arange(256).astype(np.uint8)
    (y,) = reference.run(lowered, [codes])
    np.testing.assert_array_equal(y, np.full(256, 255, np.uint8))


def test_int8_graphs_and_mere_movement_stay() -> None:
    for net in (Net(), _uint8()):
        graph = net.graph(net.op(Reshape, net.input((4,)), shape=(2, 2)))
        assert flip_uint8(graph) is graph


def test_bytes_without_a_scale_are_no_codes() -> None:
    net = _uint8()
    x = net.input((2, 3))
    raw = net.input((4,), params=None)
    index = net.op(ArgMax, net.op(Relu, x), axis=1, dtype=DType.INT32, params=None)
    graph = net.graph(index, net.op(Reshape, raw, shape=(2, 2), params=None))
    after = flip_uint8(graph)
    assert after.tensors[raw].dtype is DType.UINT8
    assert kinds(after).count("requantize") == 1
    same(graph, after)


def test_a_name_that_is_taken_is_not_used() -> None:
    net = _uint8()
    x = net.input((3,))
    y = net.op(Relu, net.op(Add, x, x))
    graph = net.graph(y)
    inner = graph.ops[0].outputs[0]
    taken: dict[str, Tensor] = dict(graph.tensors)
    taken["in0:int8"] = replace(taken.pop(inner), name="in0:int8", quant=quant(0.125, 9))
    ops = (
        replace(graph.ops[0], outputs=("in0:int8",)),
        replace(graph.ops[1], inputs=("in0:int8",)),
    )
    clash = replace(graph, ops=ops, tensors=taken)
    same(clash, flip_uint8(clash))
