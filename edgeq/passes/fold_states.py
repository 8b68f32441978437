"""Make constants of states that never change."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Graph
from edgeq.ir.state import State
from edgeq.ops.reshape import Reshape
from edgeq.passes.fold_constants import MAX_BYTES


def fold_states(graph: Graph) -> Graph:
    """Return the graph with a constant for each state that becomes itself.

    What becomes of a state is followed through reshapes, which move no element.
    """
    views = {op.outputs[0]: op.inputs[0] for op in graph.ops if isinstance(op, Reshape)}
    kept: list[State] = []
    tensors = dict(graph.tensors)
    for state in graph.states:
        tensor = tensors[state.name]
        if _origin(state.next, views) == state.name and tensor.bytes <= MAX_BYTES:
            tensors[state.name] = replace(tensor, data=state.initial)
        else:
            kept.append(state)
    return replace(graph, states=tuple(kept)).with_ops(graph.ops, tensors)


def _origin(name: str, views: dict[str, str]) -> str:
    while name in views:
        name = views[name]
    return name
