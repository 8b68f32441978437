"""States whose next value an operation can write where the value before lies, as it reads that."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from edgeq.ir.graph import Graph
from edgeq.ir.state import State
from edgeq.kernels.base import Kernel


@dataclass(frozen=True, slots=True)
class Update:
    """Operation ``step`` writes tensor ``written``, of which views make the next value of a state.

    ``views`` are the steps of these, the last one first.
    """

    step: int
    written: str
    views: tuple[int, ...]


def updates(
    graph: Graph, kernels: Sequence[Kernel], staged: Container[int] = ()
) -> dict[str, Update]:
    """Return the update of each state, by its name, where there is one.

    It is the last reader of the state, not one of the steps of a stage, and has a kernel that may
    write where it reads.
    """
    if not graph.states:
        return {}
    makers = {name: step for step, op in enumerate(graph.ops) for name in op.outputs}
    last = {name: step for step, op in enumerate(graph.ops) for name in op.inputs}
    found = {}
    for state in graph.states:
        update = _update(graph, state, makers)
        if update is None or update.step in staged or last.get(state.name) != update.step:
            continue
        if _takes(graph, state, update, kernels[update.step]):
            found[state.name] = update
    return found


def _update(graph: Graph, state: State, makers: dict[str, int]) -> Update | None:
    """Return the operation that computes what a state becomes, and the views after it."""
    name, views = state.next, []
    while name in makers and graph.ops[makers[name]].VIEW:
        views.append(makers[name])
        name = graph.ops[makers[name]].inputs[0]
    made = name in makers and bool(views)
    return Update(makers[name], name, tuple(views)) if made else None


def _takes(graph: Graph, state: State, update: Update, kernel: Kernel) -> bool:
    """Tell whether a kernel writes the next value over the one before, which it reads once."""
    op = graph.ops[update.step]
    pairs = kernel.updates if kernel.in_place is None else ((kernel.in_place, 0), *kernel.updates)
    same = graph.tensors[state.name].bytes == graph.tensors[update.written].bytes
    return (
        same
        and op.inputs.count(state.name) == 1
        and (op.inputs.index(state.name), op.outputs.index(update.written)) in pairs
    )
