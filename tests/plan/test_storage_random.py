"""Random networks of what shares memory: no layer finds anything but what it reads."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.ir.graph import Graph
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.split import Split
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.plan.plan import plan
from edgeq.plan.regions import Memory
from edgeq.plan.select import select_all
from edgeq.plan.storage import Storage, buffers, share
from edgeq.targets import target
from tests.passes.nets import Net, quant
from tests.plan.oracle import check_program

PORTABLE = target("portable")


def movement(seed: int) -> Graph:
    """Return a network of what shares memory, dense in coincidences."""
    draw, net = Random(seed), Net()
    for _ in range(draw.randint(1, 2)):
        net.input((2, 2))
    if draw.random() < 0.3:
        net.const(np.arange(4, dtype=np.int8).reshape(2, 2), quant())
    for _ in range(draw.randint(1, 12)):
        _step(draw, net, draw.choice([n for n, t in net.tensors.items() if t.elements <= 16]))
    written = [name for op in net.ops for name in op.outputs]
    ports = draw.sample(written, draw.randint(1, min(3, len(written))))
    return lower_arithmetic(net.graph(*ports))


def _step(draw: Random, net: Net, x: str) -> None:
    shape = net.tensors[x].shape
    alike = [n for n, t in net.tensors.items() if t.shape == shape]
    rows = [n for n, t in net.tensors.items() if t.shape == (1, *shape[1:])]
    kind = draw.randrange(6)
    if kind == 0:
        net.op(Relu, x)
    elif kind == 1:
        net.op(Add, x, draw.choice(alike + rows))
    elif kind == 2:
        net.op(Split, x, outs=shape[0], axis=0)
    elif kind == 3:
        net.op(Concat, x, *draw.choices(alike, k=draw.randint(0, 2)), axis=0)
    else:
        count = net.tensors[x].elements
        shapes = [(rows, count // rows) for rows in (1, 2, count) if count % rows == 0]
        net.op(Reshape, x, shape=draw.choice(shapes))


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_every_layer_finds_what_it_reads(seed: int) -> None:
    graph = movement(seed)
    check_program(graph, plan(graph, PORTABLE, ""))


@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_every_layer_finds_what_it_reads_in_several_memories(seed: int) -> None:
    graph = movement(seed)
    whole = plan(graph, PORTABLE, "").arena
    memories = [Memory("small", max(whole // 3, 16)), Memory("large", whole)]
    program = plan(graph, PORTABLE, "", memories=memories)
    check_program(graph, program)
    assert all(region.bytes <= region.limit for region in program.named if region.limit)


def test_the_oracle_sees_what_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "fills", lambda self, name: True)
    with pytest.raises(AssertionError):
        for seed in range(1000):
            graph = movement(seed)
            check_program(graph, plan(graph, PORTABLE, ""))


@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_buffers_are_the_roots_while_a_member_lives(seed: int) -> None:
    graph = movement(seed)
    storage = share(graph, select_all(graph, ("portable",)))
    found = {buffer.name: buffer for buffer in buffers(storage)}
    computed = [name for name, tensor in graph.tensors.items() if not tensor.is_constant]
    for name in computed:
        root, offset = storage.locate(name)
        assert offset + graph.tensors[name].bytes <= found[root].size == graph.tensors[root].bytes
        assert name in storage.group(root)
        ports = {*graph.inputs, *graph.outputs} & set(storage.group(root))
        assert len(ports) <= 1
        assert all(graph.tensors[port].bytes == found[root].size for port in ports)
    for step, op in enumerate(graph.ops):
        for name in (*op.inputs, *op.outputs):
            if name in computed:
                buffer = found[storage.locate(name)[0]]
                assert buffer.first <= step <= buffer.last
