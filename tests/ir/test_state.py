"""What runs remember: initial values, and the rules that states obey."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeq.errors import EdgeqError
from edgeq.ir.graph import Graph
from edgeq.ir.state import State
from edgeq.ir.text import graph_text
from edgeq.ir.verify import verify
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from tests.passes.nets import Net, quant

SHAPE = (1, 3)


def counter(**fields: Any) -> Graph:
    """Return a network that gives the relu of what the run before was given."""
    net = Net()
    x, s = net.input(SHAPE), net.state(np.full(SHAPE, 7, np.int8))
    y = net.op(Relu, s)
    net.becomes(s, net.op(Reshape, x, shape=SHAPE))
    graph = net.graph(y)
    changed = replace(graph.states[0], **fields)
    return replace(graph, states=(changed,))


def refusal(graph: Graph) -> str:
    with pytest.raises(EdgeqError) as error:
        verify(graph)
    return str(error.value)


def test_one_value_takes_no_memory_and_others_are_kept() -> None:
    whole = State("s", "n", np.full((4, 5), 7, np.int16))
    assert whole.is_uniform and whole.initial.base is not None and whole.initial.base.size == 1
    assert whole.initial.tolist() == [[7] * 5] * 4
    huge = State("s", "n", np.broadcast_to(np.int8(3), (1 << 14, 1 << 14)))
    assert huge.is_uniform and huge.initial.shape == (1 << 14, 1 << 14)
    mixed = State("s", "n", np.array([0.0, -0.0], np.float32))
    assert not mixed.is_uniform  # the bits count
    assert not mixed.initial.flags.writeable
    assert State("s", "n", np.array(5, np.int32)).is_uniform


def test_sources_and_results() -> None:
    graph = counter()
    (state,) = graph.states
    assert graph.sources == ("in0", "s0")
    assert graph.results == (*graph.outputs, state.next)


def test_the_text_tells_states() -> None:
    line = "  state   s0: int8 1x3 scale (0.5) zero (0) = all 7, then t3.0"
    assert line in graph_text(counter()).splitlines()
    mixed = counter(initial=np.array([[1, 2, 3]], np.int8))
    assert "= int8[1, 3]#" in graph_text(mixed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "no"}, "state 'no': 'no' is not a tensor of the model"),
        ({"next": "no"}, "state 's0': 'no' is not a tensor of the model"),
        ({"name": "in0"}, "state 'in0': it is a constant, or an input"),
        ({"initial": np.zeros((3,), np.int8)}, "it begins as int8 (3,), and is int8 (1, 3)"),
        ({"initial": np.zeros(SHAPE, np.uint8)}, "it begins as uint8 (1, 3), and is int8 (1, 3)"),
    ],
)
def test_states_that_break_a_rule(fields: dict[str, Any], message: str) -> None:
    assert message in refusal(counter(**fields))


def test_what_a_state_becomes_has_its_form() -> None:
    graph = counter()
    after = graph.states[0].next
    for change in ({"quant": quant(0.25)}, {"quant": None}):
        tensors = {**graph.tensors, after: replace(graph.tensors[after], **change)}
        assert "has another shape, type or code" in refusal(replace(graph, tensors=tensors))


def test_a_state_has_one_next_value_that_something_computes() -> None:
    graph = counter()
    assert "listed twice as state" in refusal(replace(graph, states=graph.states * 2))
    assert "is never computed" in refusal(replace(graph, ops=graph.ops[:1]))
    written = Relu(inputs=("in0",), outputs=("s0",))
    assert "already has a value" in refusal(replace(graph, ops=(written, *graph.ops)))
