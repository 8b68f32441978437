"""Operator order: the topological order whose largest sum of live bytes is least.

What is alive after a set of nodes has run depends on the set, not on the order inside it. So the
best way to each set is kept, set size by set size (dynamic programming), in every stretch of the
graph where there is a choice at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgeq.errors import ModelError
from edgeq.plan.liveness import Liveness, Node, bits

__all__ = ["ORDER_BUDGET", "Node", "best_order", "peak"]

ORDER_BUDGET = 50_000
"""Next nodes to try after sets of executed ones, unless the caller says otherwise."""

_CROWD_PER_BUDGET = 200  # about a second of searching without any choice, for the usual budget


def peak(
    order: Sequence[int],
    nodes: Sequence[Node],
    sizes: Mapping[str, int],
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> int:
    """Return the most bytes alive in any step when ``nodes`` run in ``order``.

    A tensor lives from the step that writes it to the last that reads it, a graph input from the
    first step, a graph output to the last. Tensors without a size (constants) take no bytes.
    Raise ModelError if a node is missing, or reads what is not written yet.
    """
    if sorted(order) != list(range(len(nodes))):
        raise ModelError(f"an order of {len(nodes)} nodes must name each of them once")
    life = Liveness.of([nodes[index] for index in order], sizes, inputs, outputs)
    return max(life.profile(range(len(nodes)))[0], default=0)


def best_order(
    nodes: Sequence[Node],
    sizes: Mapping[str, int],
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    budget: int = ORDER_BUDGET,
) -> tuple[int, ...]:
    """Return the order of ``nodes`` with the least ``peak``; the given one if none is better.

    ``nodes`` must stand in a valid order. The result is optimal unless the graph is so wide that
    trying ``budget`` nodes, each after some set of others, does not cover all ways through it;
    then the most promising ways are followed, or none if even that is too much (as with a budget
    of 0). It is never worse than the given order, and the same in every run.

    >>> fork = [Node(("x",), ("a",)), Node(("x",), ("b",)), Node(("a",), ("c",))]
    >>> fork.append(Node(("b", "c"), ("y",)))
    >>> sizes = {"x": 1, "a": 8, "b": 8, "c": 1, "y": 1}
    >>> best_order(fork, sizes, inputs=["x"], outputs=["y"])
    (0, 2, 1, 3)
    """
    life = Liveness.of(nodes, sizes, inputs, outputs)
    during, before = life.profile(range(len(nodes)))
    choices, floor = _choices(life, during)
    order = list(range(len(nodes)))
    parts = [(begin, end, life.part(begin, end, before[begin])) for begin, end in choices]
    floor = max([floor, *(part.least() for _, _, part in parts)])
    better = []
    # The worst stretch first: once one cannot be improved, those below it need not be.
    for begin, end, part in sorted(parts, key=lambda p: -max(during[p[0] : p[1]])):
        given = max(during[begin:end])
        found = _search(part, floor, given, budget) if given > floor else None
        floor = max(floor, given if found is None else max(part.profile(found)[0]))
        if found is not None:
            better.append((begin, end, part, found))
    for begin, end, part, found in better:
        calm = _as_given(part, found, floor, rounds=budget // (end - begin))
        order[begin:end] = [begin + index for index in calm]
    return tuple(order)


def _choices(life: Liveness, during: Sequence[int]) -> tuple[list[tuple[int, int]], int]:
    """Return the stretches with a choice of order, and the most bytes alive outside them.

    A node that every other must precede or follow stands at the same place in every order, after
    the same nodes.
    """
    count = len(during)
    above, below = life.relatives()
    fixed = [v for v in range(count) if (above[v] | below[v]).bit_count() == count - 1]
    stretches = [(a + 1, b) for a, b in pairwise([-1, *fixed, count]) if b - a > 2]
    return stretches, max((during[v] for v in fixed), default=0)


@dataclass(frozen=True, slots=True)
class _State:
    """The best way found to a set of executed nodes; ``trail`` is its order."""

    peak: int
    live: int
    ready: tuple[int, ...]
    trail: tuple[int, ...]


def _search(life: Liveness, floor: int, given: int, budget: int) -> tuple[int, ...] | None:
    """Return an order whose peak is below ``given``, the least found, or None.

    Peaks up to ``floor`` are all alike: something else needs as much.
    """
    best, most = None, max(1, budget // len(life.before))
    if _crowd(life) > _CROWD_PER_BUDGET * budget:
        return None
    # A narrow search soon finds an order that spares the wide one most of the bad ways.
    for width in (1, 64, most):
        found, whole = _sweep(life, floor, given, min(width, most))
        if found is not None:
            best, given = found.trail, found.peak
        if whole or given <= floor:
            break
    return best


def _crowd(life: Liveness) -> int:
    """Return the work of the narrowest search: pairs of nodes that may run next, in all steps."""
    waits = [before.bit_count() for before in life.before]
    ready, pairs = waits.count(0), 0
    for users in life.users:
        pairs += ready * ready
        for user in bits(users):
            waits[user] -= 1
            ready += waits[user] == 0
        ready -= 1
    return pairs


def _sweep(life: Liveness, floor: int, given: int, width: int) -> tuple[_State | None, bool]:
    """Return the best way through all nodes, and whether no way had to be left out.

    About ``width`` next nodes are tried after the sets of each size, and those sets that have the
    lowest peak and live bytes go first.
    """
    count, whole = len(life.before), True
    ready = tuple(v for v in range(count) if not life.before[v])
    layers: list[dict[int, _State]] = [{} for _ in range(count + 1)]
    _keep(layers, *_settle(life, 0, _State(floor, life.start, ready, ())))
    for layer in layers[:-1]:
        states, room = list(layer.items()), width
        if sum(len(state.ready) for _, state in states) > width:
            states.sort(key=lambda item: (item[1].peak, item[1].live))
            whole = False
        for done, state in states:
            if room <= 0:
                break
            room -= len(state.ready)
            for node in state.ready:
                if max(state.peak, life.during(node, done, state.live)) < given:
                    _keep(layers, *_settle(life, *_run(life, node, done, state)))
        layer.clear()
    return layers[-1].get((1 << count) - 1), whole


def _keep(layers: Sequence[dict[int, _State]], done: int, state: _State) -> None:
    layer = layers[done.bit_count()]
    if done not in layer or state.peak < layer[done].peak:
        layer[done] = state


def _run(life: Liveness, node: int, done: int, state: _State) -> tuple[int, _State]:
    """Return the set and the state after one more node."""
    now = done | 1 << node
    freed = [user for user in bits(life.users[node]) if not life.before[user] & ~now]
    return now, _State(
        peak=max(state.peak, life.during(node, done, state.live)),
        live=life.after(node, done, state.live),
        ready=tuple(sorted([v for v in state.ready if v != node] + freed)),
        trail=(*state.trail, node),
    )


def _settle(life: Liveness, done: int, state: _State) -> tuple[int, _State]:
    """Run every node that can do no harm: the peak stays, and no more is alive than before.

    Nothing is lost by running such a node now: whatever runs next then has at least as much room.
    """
    while True:
        for node in state.ready:
            fits = life.during(node, done, state.live) <= state.peak
            if fits and life.after(node, done, state.live) <= state.live:
                done, state = _run(life, node, done, state)
                break
        else:
            return done, state


def _as_given(life: Liveness, order: Sequence[int], limit: int, rounds: int) -> list[int]:
    """Exchange neighbours that stand against the given order, where that stays within ``limit``."""
    result = list(order)
    for _ in range(rounds):
        moved, done, live = False, 0, life.start
        for at in range(len(result) - 1):
            first, second = result[at : at + 2]
            if second < first and not life.before[second] >> first & 1:
                between = life.after(second, done, live)
                late = life.during(first, done | 1 << second, between)
                if max(late, life.during(second, done, live)) <= limit:
                    result[at : at + 2] = second, first
                    moved = True
            live = life.after(result[at], done, live)
            done |= 1 << result[at]
        if not moved:
            break
    return result
