"""Stages give the bits of their layers, in the lines that they say, and without any row twice."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from edgeq import reference
from edgeq.emit.project import sources
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.relu import Relu
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.pipeline import run_passes
from edgeq.plan.bands import in_bands
from edgeq.plan.layers import layers
from edgeq.plan.plan import plan
from edgeq.plan.stage import Compute, lines, schedule, segment
from edgeq.plan.stages import Move, Stage, build, line_name
from edgeq.plan.streaming import choose
from edgeq.targets import target
from edgeq.verify import verify_model
from tests.kernel_harness import QUICK
from tests.passes.nets import Net
from tests.plan.oracle import same_bits
from tests.random_graphs import random_graph

SEEDS = range(60)


def image_net(seed: int) -> Graph:
    """Return a lowered graph of layers that can run in bands, with some tensors read twice."""
    draw, net = Random(seed), Net(DType.INT8)
    shape = (1, draw.randint(5, 17), draw.randint(1, 5), draw.randint(1, 4))
    names, kept = [net.input(shape)], []
    for _ in range(draw.randint(1, 6)):
        x = draw.choice(names[-2:])
        names.append(_layer(draw, net, names, x))
        if draw.random() < 0.15:
            kept.append(names[-1])
    return lower_arithmetic(net.graph(*dict.fromkeys([*kept, names[-1]])))


def _layer(draw: Random, net: Net, names: list[str], x: str) -> str:
    height = net.tensors[x].shape[1]
    size = draw.choice([1, 3, 3, 5]) if height > 4 else 1
    stride = (draw.choice([1, 1, 2]), draw.choice([1, 2]))
    pads = [draw.randint(0, size // 2) for _ in range(4)]
    # However narrow the image, every window reaches it.
    fields = {"stride": stride, "padding": Padding(*pads[:2], size // 2, size // 2)}
    alike = [n for n in names if net.tensors[n].shape == net.tensors[x].shape and n != x]
    kind = draw.choice(["conv", "conv", "depthwise", "pool", "mean", "relu", "add"])
    if kind == "add" and alike:
        return str(net.op(Add, x, draw.choice(alike)))
    if kind == "conv":
        return net.conv(x, draw.randint(1, 4), size, **fields)
    if kind == "depthwise":
        return net.depthwise(x, size, **fields)
    if kind in ("pool", "mean"):
        cls = MaxPool2D if kind == "pool" else AveragePool2D
        return str(net.op(cls, x, window=(size, size), **fields))
    return str(net.op(Relu, x))


def execute(graph: Graph, stage: Stage, tensors: dict[str, np.ndarray]) -> None:
    """Do what a stage does, in lines and tensors of bytes; nothing may lie outside them."""
    memory = {name: array.reshape(-1).view(np.int8) for name, array in tensors.items()}
    memory |= {line_name(name): np.full(size, -99, np.int8) for name, size in stage.room.items()}

    def at(name: str, start: int, size: int) -> np.ndarray:
        found = memory[name][start : start + size]
        assert start >= 0
        assert len(found) == size
        return found

    for loop in stage.loops:
        for turn in range(loop.count):
            for action, advances in zip(loop.actions, loop.advances, strict=True):
                moved = zip(action.starts, advances, strict=True)
                starts = [(name, start + turn * by) for (name, start), by in moved]
                what = action.what
                if isinstance(what, Move):
                    source = (starts[0][0], starts[0][1] + what.dropped)
                    at(*starts[-1], what.bytes)[:] = at(*source, what.bytes).copy()
                    continue
                part, where = stage.bands[what], dict(starts)
                arrays = [
                    t.array
                    if t.is_constant
                    else at(part.buffer(t.name), where[part.buffer(t.name)], t.bytes).reshape(
                        t.shape
                    )
                    for t in part.io.ins
                ]
                [y] = part.op.evaluate(part.io, arrays)
                own = part.buffer(part.io.y.name)
                at(own, where[own], part.io.y.bytes)[:] = y.reshape(-1).view(np.int8)


def check_stage(graph: Graph, stage: Stage) -> None:
    """Fail unless a stage makes what its layers make of the same inputs."""
    segment = stage.segment
    arrays = reference.sample_inputs(graph, 1)
    wanted = reference.run_tensors(graph, arrays)
    wanted |= dict(zip(graph.inputs, arrays, strict=True))
    last = graph.ops[segment.last].outputs[0]
    written = {n for step in segment.steps for n in graph.ops[step].outputs} - segment.inner
    read = {n for step in segment.steps for n in graph.ops[step].inputs if n in wanted}
    tensors = {name: wanted[name].copy() for name in read - written - segment.inner}
    tensors |= {name: np.zeros_like(wanted[name]) for name in written}
    if segment.into:
        tensors[last] = tensors[segment.into].reshape(wanted[last].shape)
    execute(graph, stage, tensors)
    for name in written:
        np.testing.assert_array_equal(tensors[name], wanted[name])


@pytest.mark.parametrize("seed", SEEDS)
def test_every_stretch_of_layers_gives_its_bits(seed: int) -> None:
    graph, draw = image_net(seed), Random(seed)
    assert all(in_bands(op, io) for op, io in graph.walk())
    for _ in range(4):
        first = draw.randrange(len(graph.ops))
        last = draw.randrange(first, len(graph.ops))
        found = segment(graph, first, last, draw.choice([1, 2, 3, 4, 100]))
        if graph.ops[last].outputs[0] not in found.inner:
            check_stage(graph, build(graph, found, target("portable")))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_row_is_computed_twice(seed: int) -> None:
    graph = image_net(seed)
    found = segment(graph, 0, len(graph.ops) - 1, 2)
    rows = Counter(
        (event.index, row)
        for turn in schedule(graph, found, lines(graph, found))
        for event in turn
        if isinstance(event, Compute)
        for row in range(*event.rows)
    )
    read = {i for i, op in enumerate(graph.ops) if {*op.outputs} & {*graph.outputs}}
    for index in reversed(range(len(graph.ops))):
        if index in read:
            read |= {
                i for i, op in enumerate(graph.ops) if {*op.outputs} & {*graph.ops[index].inputs}
            }
            height = graph.operands(graph.ops[index]).y.shape[1]
            assert max(row for step, row in rows if step == index) < height
    assert set(rows.values()) == {1}


def test_a_chain_keeps_the_rows_that_its_windows_reach() -> None:
    net = Net()
    x = net.input((1, 20, 2, 1))
    a = net.depthwise(x, 3, padding=Padding(1, 1, 1, 1))
    b = net.depthwise(a, 5, padding=Padding(2, 2, 2, 2))
    graph = lower_arithmetic(net.graph(net.conv(b, 1)))
    assert lines(graph, segment(graph, 0, 2, 1)) == {a: 5, b: 1}
    assert lines(graph, segment(graph, 0, 2, 4)) == {a: 8, b: 4}


def test_an_output_over_its_input_waits_for_the_rows_below() -> None:
    net = Net()
    x = net.relu = net.op(Relu, net.input((1, 20, 2, 3)))
    graph = lower_arithmetic(net.graph(net.depthwise(x, 3, padding=Padding(1, 1, 1, 1))))
    for rows in (1, 2, 5, 20):
        found = segment(graph, 1, 1, rows, into=x)
        assert lines(graph, found) == {graph.outputs[0]: min(20, rows + 1)}
        check_stage(graph, build(graph, found, target("portable")))


def test_stages_are_chosen_where_they_save_memory() -> None:
    net = Net()
    x = net.conv(net.input((1, 32, 32, 1)), 8, 3, padding=Padding(1, 1, 1, 1))
    y = net.conv(net.depthwise(x, 3, padding=Padding(0, 1, 0, 1), stride=(2, 2)), 8)
    graph = lower_arithmetic(net.graph(y))
    usual = plan(graph, QUICK, "", stream="never")
    streamed = plan(graph, QUICK, "", stream="always")
    # As usual two whole tensors; otherwise the input, the output, and a few rows between them.
    assert usual.arena >= 32 * 32 * 8 + 15 * 15 * 8
    assert streamed.arena < 1024 + 15 * 15 * 8 + 7 * 32 * 8
    assert {call.kind for call in streamed.calls} == {"STAGE"}
    same_bits(net, y)


def test_layers_that_hold_nothing_back_are_left_alone() -> None:
    net = Net()
    graph = lower_arithmetic(net.graph(net.op(Relu, net.input((1, 8, 8, 2)))))
    found = layers(graph, QUICK, 1)
    assert choose(graph, found, QUICK.isas, thrifty=False) == ()


@pytest.mark.parametrize("seed", range(12))
def test_the_c_of_streamed_networks_has_the_bits_of_the_reference(seed: int) -> None:
    graph = image_net(seed) if seed < 8 else run_passes(random_graph(seed))
    program = plan(graph, QUICK, "", stream="always")
    compiled = Compiled(program, sources(program), graph.tensors, QUICK)
    samples = [reference.sample_inputs(graph, run) for run in range(2)]
    verdict = verify_model(graph, compiled, samples)
    assert verdict.difference is None, str(verdict.difference)
