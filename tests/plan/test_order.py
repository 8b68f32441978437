"""The operator order: valid, never worse than the given one, and the best where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.plan.order import Node, best_order, peak


@dataclass(frozen=True)
class _Case:
    nodes: tuple[Node, ...]
    sizes: dict[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def best(self, **options: int) -> tuple[int, ...]:
        return best_order(
            self.nodes, self.sizes, inputs=self.inputs, outputs=self.outputs, **options
        )

    def peak(self, order: Sequence[int]) -> int:
        return peak(order, self.nodes, self.sizes, inputs=self.inputs, outputs=self.outputs)

    def is_valid(self, order: Sequence[int]) -> bool:
        ready = {*self.inputs, *(n for node in self.nodes for n in node.inputs)}
        ready -= {n for node in self.nodes for n in node.outputs}
        for index in order:
            if not set(self.nodes[index].inputs) <= ready:
                return False
            ready |= set(self.nodes[index].outputs)
        return True

    def plain_peak(self, order: Sequence[int]) -> int:
        """Return the peak from intervals: for every step, add up what it lies between."""
        first = dict.fromkeys(self.inputs, 0)
        last = dict.fromkeys(self.inputs, 0)
        for step, index in enumerate(order):
            first.update((name, step) for name in self.nodes[index].outputs)
            last.update((name, step) for name in self.nodes[index].outputs)
            last.update((name, step) for name in self.nodes[index].inputs if name in first)
        last.update((name, len(order)) for name in self.outputs)
        return max(
            sum(size for name, size in self.sizes.items() if first[name] <= step <= last[name])
            + self.nodes[index].scratch
            for step, index in enumerate(order)
        )


@st.composite
def _cases(draw: st.DrawFn, most: int = 6, widest: int = 20) -> _Case:
    """Draw a graph of nodes that read some of what is there and write one or two tensors."""
    size = st.integers(0, widest)
    names = [f"x{i}" for i in range(draw(st.integers(1, 2)))]
    inputs = tuple(names)
    sizes = {name: draw(size) for name in names}
    nodes = []
    for index in range(draw(st.integers(1, most))):
        # Mostly near ones, so that there are long branches and not only shallow bushes.
        reads = draw(st.lists(st.sampled_from([*names, *names[-3:], "weights"]), max_size=3))
        writes = [f"t{index}.{i}" for i in range(draw(st.sampled_from([1, 1, 1, 2])))]
        sizes |= {name: draw(size) for name in writes}
        nodes.append(Node(tuple(reads), tuple(writes), draw(st.sampled_from([0, 0, 7]))))
        names += writes
    outputs = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))
    return _Case(tuple(nodes), sizes, inputs, outputs)


@given(_cases(most=6))
def test_small_graphs_get_the_best_order(case: _Case) -> None:
    orders = [p for p in permutations(range(len(case.nodes))) if case.is_valid(p)]
    assert case.peak(case.best()) == min(map(case.plain_peak, orders))


@given(_cases(most=30))
def test_orders_are_valid_and_never_worse(case: _Case) -> None:
    given_order = tuple(range(len(case.nodes)))
    order = case.best()
    assert sorted(order) == list(given_order)
    assert case.is_valid(order)
    assert case.plain_peak(order) <= case.plain_peak(given_order)
    if case.plain_peak(order) == case.plain_peak(given_order):
        assert order == given_order


@given(_cases(most=30), st.integers(0, 200))
def test_a_small_budget_still_gives_a_valid_order(case: _Case, budget: int) -> None:
    order = case.best(budget=budget)
    assert case.is_valid(order)
    assert case.plain_peak(case.best()) <= case.plain_peak(range(len(case.nodes)))
    assert case.plain_peak(order) <= case.plain_peak(range(len(case.nodes)))


@given(_cases(most=20))
def test_the_peak_is_that_of_the_intervals(case: _Case) -> None:
    order = range(len(case.nodes))
    assert case.peak(order) == case.plain_peak(order)


@given(_cases(most=12))
def test_the_best_order_stays_when_planned_again(case: _Case) -> None:
    order = case.best()
    nodes = tuple(case.nodes[index] for index in order)
    again = _Case(nodes, case.sizes, case.inputs, case.outputs)
    assert again.best() == tuple(range(len(nodes)))
    assert case.best() == order


def _branches(count: int, length: int) -> _Case:
    """Branches that widen and then shrink to one byte, listed level by level: the worst order."""
    nodes, sizes = [], {"x": 10}
    for level in range(length):
        for branch in range(count):
            source = f"b{branch}.{level - 1}" if level else "x"
            sizes[f"b{branch}.{level}"] = 1 if level == length - 1 else 100
            nodes.append(Node((source,), (f"b{branch}.{level}",), 0))
    nodes.append(Node(tuple(f"b{b}.{length - 1}" for b in range(count)), ("y",), 0))
    return _Case(tuple(nodes), sizes | {"y": 1}, ("x",), ("y",))


def test_branches_run_one_after_the_other() -> None:
    case = _branches(count=4, length=3)
    assert case.peak(range(13)) == 500
    assert case.peak(case.best()) == 10 + 2 + 200
    assert case.is_valid(case.best())


def test_a_stretch_that_is_not_the_worst_is_left_alone() -> None:
    case = _branches(count=3, length=3)
    big = Node(("y",), ("z",), scratch=1000)
    grown = _Case((*case.nodes, big), case.sizes | {"z": 1}, case.inputs, ("z",))
    assert grown.best() == tuple(range(11))


def test_each_stretch_between_narrow_places_is_ordered() -> None:
    first = _branches(count=3, length=3)
    second = _branches(count=3, length=3)
    rename = {"x": "y"} | {n: f"2{n}" for n in second.sizes if n != "x"}
    nodes = first.nodes + tuple(
        Node(tuple(rename[n] for n in node.inputs), tuple(rename[n] for n in node.outputs))
        for node in second.nodes
    )
    sizes = first.sizes | {rename[n]: s for n, s in second.sizes.items() if n != "x"}
    case = _Case(nodes, sizes, ("x",), ("2y",))
    order = case.best()
    assert sorted(order[:10]) == list(range(10))
    assert case.peak(order) == 10 + 1 + 200
    assert case.is_valid(order)


def test_a_wide_graph_is_planned_within_the_budget() -> None:
    case = _branches(count=60, length=4)
    order = case.best(budget=8000)
    assert case.is_valid(order)
    assert case.peak(order) < case.peak(range(len(case.nodes)))


@pytest.mark.parametrize("budget", [0, 2000])
def test_a_graph_too_wide_for_the_budget_keeps_its_order(budget: int) -> None:
    assert _branches(count=60, length=4).best(budget=budget) == tuple(range(241))


def test_a_long_chain_keeps_its_order() -> None:
    nodes = tuple(Node((f"t{i}",), (f"t{i + 1}",), 0) for i in range(1500))
    sizes = {f"t{i}": 1 + i % 17 for i in range(1501)}
    assert best_order(nodes, sizes, inputs=["t0"], outputs=["t1500"]) == tuple(range(1500))


def test_graph_inputs_live_until_read_and_outputs_to_the_end() -> None:
    nodes = (Node(("x",), ("a",), 0), Node(("a", "late"), ("b",), 0), Node(("b",), ("c",), 0))
    sizes = {"x": 1, "late": 10, "a": 100, "b": 1000, "c": 10000}
    inputs = ["x", "late"]
    assert peak([0, 1, 2], nodes, sizes, inputs=inputs, outputs=["c"]) == 11000
    assert peak([0, 1, 2], nodes, sizes, inputs=inputs, outputs=["c", "a"]) == 11100
    assert peak([0], nodes[:1], sizes, inputs=inputs, outputs=["a"]) == 111


def test_no_nodes_have_no_order() -> None:
    assert best_order((), {}) == ()
    assert peak((), (), {}) == 0


@pytest.mark.parametrize(
    ("nodes", "inputs", "outputs", "message"),
    [
        ([Node(("b",), ("a",)), Node((), ("b",))], [], [], "node 0 reads 'b'"),
        ([Node((), ("a",)), Node((), ("a",))], [], [], "node 1 writes 'a'"),
        ([Node((), ("a", "a"))], [], [], "node 0 writes 'a'"),
        ([Node(("a",), ("a",))], ["a"], [], "node 0 writes 'a'"),
        ([Node((), ("a",))], [], ["b"], "nothing writes the output 'b'"),
    ],
)
def test_graphs_without_an_order_are_refused(
    nodes: list[Node], inputs: list[str], outputs: list[str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        best_order(nodes, {"a": 1, "b": 1}, inputs=inputs, outputs=outputs)


@pytest.mark.parametrize("order", [(0,), (0, 0), (1, 0), (0, 2), (0, 1, 2)])
def test_what_is_no_order_has_no_peak(order: tuple[int, ...]) -> None:
    nodes = (Node((), ("a",)), Node(("a",), ("b",)))
    with pytest.raises(ModelError):
        peak(order, nodes, {"a": 1, "b": 1}, outputs=["b"])
