"""Movement whose operands share memory: calls that remain copy only what is not in place."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.concat import Concat
from edgeq.ops.pack import Pack
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from tests.passes.nets import Net, quant


def _calls(graph: Graph) -> list[str]:
    """Return the kernels of the program, after comparing it with the reference."""
    compiled = api.compile(graph)
    lowered = api.lower(graph)
    for seed in range(2):
        arrays = reference.sample_inputs(graph, seed)
        got = compiled(*arrays)
        expected = reference.run(lowered, arrays)
        for have, want in zip(got if isinstance(got, tuple) else (got,), expected, strict=True):
            np.testing.assert_array_equal(have, want)
    return [call.kernel.removeprefix("portable/") for call in compiled.program.calls]


def _net() -> tuple[Net, str, str]:
    net = Net(DType.INT8, quant(0.5, 3))
    return net, net.input((1, 5)), net.input((1, 5))


@pytest.mark.parametrize("cls", [Concat, Pack])
def test_pieces_in_place_beside_ports_and_constants(cls: type[Concat] | type[Pack]) -> None:
    net, x, port = _net()
    held = net.const(np.arange(5, dtype=np.int8).reshape(1, 5), quant(0.5, 3))
    whole = net.op(cls, port, net.op(Relu, x), held, axis=0)
    assert _calls(net.graph(net.op(Relu, whole))).count("concat") == 1


def test_all_pieces_in_place_need_no_call() -> None:
    net, x, other = _net()
    whole = net.op(Concat, net.op(Relu, x), net.op(Relu, other), axis=1)
    assert "concat" not in _calls(net.graph(net.op(Relu, whole)))


def test_split_into_a_port_and_a_piece_in_place() -> None:
    net, x, _ = _net()
    first, second = net.op(Split, net.op(Relu, x), outs=2, axis=1, sizes=(2, 3))
    assert _calls(net.graph(first, net.op(Relu, second))).count("split") == 1


def test_split_of_an_input_in_place() -> None:
    net, x, _ = _net()
    first, second = net.op(Split, x, outs=2, axis=1, sizes=(2, 3))
    assert "split" not in _calls(net.graph(net.op(Relu, first), net.op(Relu, second)))


def test_most_of_a_tensor_is_read_where_it_is() -> None:
    net, x, _ = _net()
    most = net.op(Slice, net.op(Relu, x), begin=(0, 2), size=(1, 3))
    assert "strided_copy" not in _calls(net.graph(net.op(Relu, most)))


def test_a_small_slice_is_copied() -> None:
    net, x, _ = _net()
    least = net.op(Slice, net.op(Relu, x), begin=(0, 2), size=(1, 2))
    assert "strided_copy" in _calls(net.graph(net.op(Relu, least)))


def test_a_reshape_between_ports_is_copied() -> None:
    net, x, _ = _net()
    assert _calls(net.graph(net.op(Reshape, x, shape=(5,)))) == ["reshape"]


def test_a_piece_given_twice() -> None:
    net, x, _ = _net()
    piece = net.op(Relu, x)
    whole = net.op(Concat, piece, piece, axis=0)
    assert "concat" in _calls(net.graph(net.op(Relu, whole)))
