"""States that never change become constants; all others stay."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from edgeq import reference
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.passes.flip_uint8 import flip_uint8
from edgeq.passes.fold_states import fold_states
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.pipeline import run_passes
from edgeq.passes.remove_dead import remove_dead
from edgeq.passes.separate_ports import separate_ports
from tests.passes.nets import Net, graphs, kinds, quant, same

SHAPE = (1, 3)


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    after = fold_states(graph)
    same(graph, after)
    assert all(state.name != state.next for state in after.states)


@given(graphs())
def test_a_whole_pipeline_keeps_the_outputs_of_all_runs(graph: Graph) -> None:
    if not graph.is_float:
        after = run_passes(graph)
        assert len(after.states) <= len(graph.states)
        _equal(graph, after, 3)


def _equal(before: Graph, after: Graph, count: int) -> None:
    inputs = [reference.sample_inputs(before, seed) for seed in range(count)]
    want = reference.run_sequence(lower_arithmetic(before), inputs)
    have = reference.run_sequence(after, inputs)
    for mine, other in zip(want, have, strict=True):
        for name, result in zip(before.outputs, after.outputs, strict=True):
            np.testing.assert_array_equal(other[result], mine[name], strict=True)


def test_a_state_that_stays_what_it_is() -> None:
    net = Net()
    x, s = net.input(SHAPE), net.state(np.array([[1, 2, 3]], np.int8))
    net.becomes(s, net.op(Reshape, net.op(Reshape, s, shape=(3,)), shape=SHAPE))
    graph = net.graph(net.op(Add, x, s))
    after = fold_states(graph)
    assert after.states == ()
    assert after.tensors[s].array.tolist() == [[1, 2, 3]]
    same(graph, after)


def test_states_that_outputs_do_not_depend_on_go() -> None:
    net = Net()
    x, s, t = net.input(SHAPE), *(net.state(np.zeros(SHAPE, np.int8)) for _ in range(2))
    net.becomes(s, net.op(Relu, t))
    net.becomes(t, net.op(Add, t, x))
    y = net.op(Relu, x)
    assert remove_dead(net.graph(y)).states == ()
    # Here the first state depends on the second, which no output reads.
    both = remove_dead(net.graph(net.op(Add, s, x)))
    assert [state.name for state in both.states] == [s, t]


def test_a_state_takes_the_place_of_what_equals_its_next_value() -> None:
    net = Net()
    x, s = net.input(SHAPE), net.state(np.zeros(SHAPE, np.int8))
    net.becomes(s, net.op(Reshape, net.op(Relu, x), shape=SHAPE))
    graph = net.graph(net.op(Relu, s))
    after = remove_dead(graph)
    assert kinds(after) == ["relu", "relu"]
    same(graph, after)


def test_a_state_that_is_an_output_is_copied() -> None:
    net = Net()
    x, s = net.input(SHAPE), net.state(np.ones(SHAPE, np.int8))
    net.becomes(s, x)
    graph = net.graph(s)
    after = separate_ports(graph)
    assert kinds(after) == ["reshape"] and after.ops[0].source == "output 's0', which is a state"
    _equal(graph, after, 3)


def test_states_of_uint8_networks_flip() -> None:
    net = Net(DType.UINT8, quant(0.5, 130))
    x, s = net.input(SHAPE), net.state(np.full(SHAPE, 131, np.uint8))
    t = net.state(np.array([[0, 128, 255]], np.uint8))
    net.becomes(s, x)
    y = net.op(Add, net.op(Add, s, x), t)
    net.becomes(t, y)
    graph = net.graph(y)
    after = flip_uint8(graph)
    assert [state.initial.tolist() for state in after.states] == [[[3, 3, 3]], [[-128, 0, 127]]]
    assert [after.tensors[state.next].dtype for state in after.states] == [DType.INT8] * 2
    same(graph, after)
