"""Layers in pieces for several threads: they tile the layer, and give its bits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeq
from edgeq import api, reference
from edgeq.emit.project import manifest, sources
from edgeq.emit.sharing import share
from edgeq.ir.graph import Graph, Operands
from edgeq.ops._spatial import Padding
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.plan import pieces as module
from edgeq.plan.pieces import Piece, bounds, pieces
from edgeq.plan.plan import plan
from edgeq.targets import target
from edgeq.targets.base import OPTIMIZATIONS
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import conv_case, depthwise_case, fully_connected_case
from tests.passes.nets import Net
from tests.random_graphs import random_graph

SAME = Padding(1, 1, 1, 1)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut layers however little work they are."""
    monkeypatch.setattr(module, "LEAST_MACS", 1)
    monkeypatch.setattr(module, "LEAST_ELEMENTS", 1)


def cases() -> list:
    return [
        conv_case((1, 9, 7, 5), 6, (3, 3), padding=SAME),
        conv_case((1, 9, 7, 5), 6, (3, 3), padding=Padding(0, 1, 0, 1), stride=(2, 2)),
        conv_case((1, 9, 7, 5), 6, (1, 1), stride=(2, 2)),
        conv_case((1, 9, 7, 5), 6, (3, 1), dilation=(2, 1), padding=Padding(4, 1, 0, 0)),
        conv_case((2, 5, 7, 5), 6, (1, 1)),
        depthwise_case((1, 9, 7, 5), (5, 3), padding=Padding(2, 2, 1, 1)),
        fully_connected_case(1, 20, 37),
        fully_connected_case(19, 20, 7),
    ]


def assemble(op: Op, io: Operands, found: tuple[Piece, ...], x: np.ndarray) -> np.ndarray:
    """Return what the pieces compute, each put where it says that it writes."""
    y = np.zeros(io.y.elements, np.int8)
    written = np.zeros(io.y.elements, np.int64)
    for piece in found:
        start = piece.starts.get(piece.io.x.name, 0)
        part = x.reshape(-1)[start : start + piece.io.x.elements].reshape(piece.io.x.shape)
        constants = [t.array for t in piece.io.ins[1:]]
        [result] = piece.op.evaluate(piece.io, [part, *constants])
        first = piece.starts[piece.io.y.name]
        y[first : first + result.size] = result.reshape(-1)
        written[first : first + result.size] += 1
        assert piece.op.shapes(piece.io) == (piece.io.y.shape,)
    assert (written == 1).all()
    return y.reshape(io.y.shape)


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize("count", [2, 3, 64])
def test_pieces_tile_the_layer_and_give_its_bits(index: int, count: int) -> None:
    case = cases()[index]
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    found = pieces(op, io, count)
    assert 2 <= len(found) <= count
    for [x] in case.runs:
        [want] = op.evaluate(io, [x, *(t.array for t in io.ins[1:])])
        np.testing.assert_array_equal(assemble(op, io, found, x), want)


def test_layers_that_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    images = conv_case((2, 9, 7, 5), 6, (3, 3))
    outside = conv_case((1, 2, 7, 5), 6, (1, 1), padding=Padding(3, 3, 0, 0))
    for case in (images, outside):
        [(op, io)] = one_op_graph(case.op, case.tensors).walk()
        assert [piece.op for piece in pieces(op, io, 4)] == [op]
    monkeypatch.setattr(module, "LEAST_MACS", 1 << 16)
    case = cases()[0]
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    assert len(pieces(op, io, 4)) == 1


@given(total=st.integers(1, 500), count=st.integers(1, 70), grain=st.sampled_from([1, 8, 64]))
def test_bounds_are_even_and_on_the_grain(total: int, count: int, grain: int) -> None:
    ends = bounds(total, count, grain)
    assert (ends[0], ends[-1]) == (0, total)
    lengths = [b - a for a, b in pairwise(ends)]
    assert min(lengths) >= 1
    assert len(lengths) <= count
    assert all(end % grain == 0 for end in ends[:-1])
    assert max(lengths) - min(lengths[:-1] or lengths) <= grain


def branchy() -> Graph:
    """Return a small network with every kind of layer that is cut."""
    net = Net()
    x = net.input((1, 12, 10, 8))
    a = net.conv(x, out=16, size=3)
    b = net.conv(a, out=16)
    c = net.op(Add, a, b)
    d = net.op(MaxPool2D, c, window=(2, 2), stride=(2, 2))
    e = net.op(AveragePool2D, d, window=(3, 3), padding=SAME)
    return net.graph(net.conv(e, out=5, size=3))


@pytest.mark.parametrize("optimize", OPTIMIZATIONS)
@pytest.mark.parametrize("name", ["portable", "host", "aarch64", "armv7-neon"])
def test_a_network_in_parts_gives_the_same_bits(name: str, optimize: str) -> None:
    graph = branchy()
    arrays = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, name, threads=3, optimize=optimize)
    assert compiled.program.threads == 3
    assert {3} == {len(call.parts) for call in compiled.program.calls}
    tensors = reference.run_tensors(api.lower(graph), arrays)
    for found, array in compiled.tensors(*arrays).items():
        np.testing.assert_array_equal(array, tensors[found], err_msg=found)
    np.testing.assert_array_equal(compiled(*arrays), tensors[graph.outputs[0]])


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_in_parts(seed: int) -> None:
    graph = random_graph(seed)
    arrays = reference.sample_inputs(graph)
    lowered = api.lower(graph)
    optimize = OPTIMIZATIONS[seed % 2]
    results = edgeq.compile(graph, "portable", threads=4, optimize=optimize)(*arrays)
    found = results if isinstance(results, tuple) else (results,)
    for want, have in zip(reference.run(lowered, arrays), found, strict=True):
        np.testing.assert_array_equal(have, want)


def test_parts_share_weights_and_equal_functions() -> None:
    graph = api.lower(branchy())
    whole = plan(graph, target("portable"), "")
    parts = share(plan(graph, target("portable"), "", threads=4))
    assert parts.data_bytes == whole.data_bytes
    code = sources(parts)["src/net.c"]
    assert code.count("_conv2d_s8(const int8_t") < sum(
        len(call.parts) for call in parts.calls if call.kind == "conv2d"
    )
    layers = manifest(parts, graph)["layers"]
    assert [layer["parts"] for layer in layers] == [len(call.parts) for call in parts.calls]


def test_one_thread_changes_nothing() -> None:
    graph = api.lower(branchy())
    program = plan(graph, target("portable"), "", threads=1)
    assert program.threads == 1
    assert "parallel_for" not in "".join(sources(program).values())


def test_every_rule_is_for_an_operation_with_a_case() -> None:
    kinds = {Conv2D, DepthwiseConv2D, FullyConnected, AveragePool2D, MaxPool2D, Add}
    assert kinds <= set(module.RULES)
