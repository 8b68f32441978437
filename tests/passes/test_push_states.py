"""Windows over the last runs become pushes; what is like one but is none stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.graph import Graph
from edgeq.ir.quant import QuantParams
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.relu import Relu
from edgeq.ops.slice import Slice
from edgeq.passes.push_states import push_states
from edgeq.passes.remove_dead import remove_dead
from tests.passes.nets import SAME, Net, kinds, quant, same

ROWS = np.arange(12, dtype=np.int8).reshape(1, 4, 3)


def whole_window(fresh: int = 1, begin: int | None = None, first: np.ndarray = ROWS) -> Graph:
    """Return a state that is a whole window, in its next value cut from ``begin`` on."""
    net = Net()
    x, s = net.input((1, fresh, 3)), net.state(first)
    start = fresh if begin is None else begin
    kept = net.op(Slice, s, begin=(0, start, 0), size=(1, 4 - fresh, 3))
    window = net.op(Concat, kept, x, axis=1)
    net.becomes(s, window)
    return net.graph(net.op(Relu, window))


def part_of_window(
    fresh: int = 1, first: np.ndarray = ROWS, read: bool = False, params: QuantParams | None = SAME
) -> Graph:
    """Return a state that lacks what enters in each run; ``read``: something else reads it too."""
    net = Net()
    x, s = net.input((1, fresh, 3), params=params), net.state(first)
    window = net.op(Concat, s, x, axis=1)
    net.becomes(s, net.op(Slice, window, begin=(0, fresh, 0), size=(1, 4, 3)))
    tall = net.op(Concat, window, s, axis=1) if read else window
    return net.graph(net.op(Relu, tall))


def after(graph: Graph) -> Graph:
    found = remove_dead(push_states(graph))
    same(graph, found)
    return found


@pytest.mark.parametrize("fresh", [1, 2, 3])
def test_a_whole_window_moves_on(fresh: int) -> None:
    found = after(whole_window(fresh))
    assert kinds(found) == ["push", "relu"]
    assert found.states[0].name == "s0"


@pytest.mark.parametrize("fresh", [1, 4])
@pytest.mark.parametrize("first", [ROWS, np.full((1, 4, 3), 7, np.int8)], ids=["rows", "uniform"])
def test_a_part_of_a_window_grows_by_what_enters(fresh: int, first: np.ndarray) -> None:
    graph = part_of_window(fresh, first)
    found = after(graph)
    assert kinds(found) == ["push", "relu"]
    (state,) = found.states
    assert state.initial.shape == (1, 4 + fresh, 3)
    assert state.is_uniform is graph.states[0].is_uniform


def test_what_is_not_worth_it_or_no_window_stays() -> None:
    for graph in (
        whole_window(begin=0),
        part_of_window(fresh=5),
        part_of_window(read=True),
    ):
        assert kinds(after(graph)) == kinds(remove_dead(graph))


def test_two_states_of_one_concatenation_do_not_both_move() -> None:
    net = Net()
    net.input((1, 4, 3))
    s, t = net.state(ROWS), net.state(ROWS[:, ::-1].copy())
    window = net.op(Concat, s, t, axis=1)
    end = net.op(Slice, window, begin=(0, 4, 0), size=(1, 4, 3))
    net.becomes(s, end)
    net.becomes(t, net.op(Add, end, "in0"))
    found = after(net.graph(net.op(Relu, window)))
    assert kinds(found).count("push") == 1


def test_two_states_that_become_one_window() -> None:
    net = Net()
    x, s, t = net.input((1, 1, 3)), net.state(ROWS), net.state(ROWS * 2)
    window = net.op(Concat, net.op(Slice, s, begin=(0, 1, 0), size=(1, 3, 3)), x, axis=1)
    net.becomes(s, window)
    net.becomes(t, window)
    found = after(net.graph(net.op(Add, window, t, params=quant())))
    assert kinds(found) == ["push", "add"]
