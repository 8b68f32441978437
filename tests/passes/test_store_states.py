"""What states become is stored once, after everything that reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given

from edgeq.ir.graph import Graph
from edgeq.ops.add import Add
from edgeq.ops.relu import Relu
from edgeq.passes.fold_states import fold_states
from edgeq.passes.store_states import store_states
from tests.passes.nets import Net, graphs, kinds, same

SHAPE = (1, 3)


@given(graphs())
def test_outputs_stay_and_every_store_comes_last(graph: Graph) -> None:
    after = store_states(graph)
    same(graph, after)
    writers = {name: place for place, op in enumerate(after.ops) for name in op.outputs}
    for state in after.states:
        if state.next != state.name:
            readers = [place for place, op in enumerate(after.ops) if state.name in op.inputs]
            assert max(readers, default=-1) < writers[state.next]
            assert not [op for op in after.ops if state.next in op.inputs]
            assert state.next not in (*graph.tensors, *after.outputs)


def test_a_store_is_as_early_as_it_can_be() -> None:
    net = Net()
    x, s = net.input(SHAPE), net.state(np.zeros(SHAPE, np.int8))
    net.becomes(s, net.op(Relu, x))
    total = net.op(Add, x, s)
    graph = net.graph(net.op(Relu, total))
    assert kinds(store_states(graph)) == ["relu", "add", "reshape", "relu"]


def test_states_that_change_places_are_copied_first() -> None:
    net = Net()
    x, s, t = net.input(SHAPE), *(net.state(np.full(SHAPE, v, np.int8)) for v in (1, 2))
    net.becomes(s, t)
    net.becomes(t, s)
    graph = net.graph(net.op(Add, net.op(Add, s, x), t))
    after = store_states(graph)
    assert kinds(after) == ["add", "add", "reshape", "reshape", "reshape", "reshape"]
    same(graph, after)


def test_a_state_that_stays_is_not_stored() -> None:
    net = Net()
    x, s = net.input(SHAPE), net.state(np.ones(SHAPE, np.int8))
    graph = net.graph(net.op(Add, x, s))
    after = store_states(graph)
    assert kinds(after) == ["add"] and after.states == graph.states
    assert fold_states(replace(after)).states == ()
