"""Store what states become by operations: each where its state lives, for the next run.

A state has memory of its own, which keeps its value until the run has no more use for it. Only then
may its next value go there: by a copy, unless the planner finds that what computes the value can
write it there at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.state import State
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused


def store_states(graph: Graph) -> Graph:
    """Return the graph with a copy for each state that changes, as early as it can be.

    A state's next value is then the output of an operation, and of no other use.
    """
    tensors = dict(graph.tensors)
    ops, states = list(graph.ops), list(graph.states)
    names = {state.name for state in states}
    for index, state in enumerate(states):
        # What another state is now may be gone before it is stored, when the two change places.
        if state.next in names - {state.name}:
            copied = _copy(tensors, state.next, f"{state.next}:now", state)
            ops.append(copied)
            states[index] = replace(state, next=copied.outputs[0])
    for index, state in enumerate(states):
        if state.next != state.name:
            store = _copy(tensors, state.next, f"{state.name}:next", state)
            ops.insert(_place(ops, state), store)
            states[index] = replace(state, next=store.outputs[0])
    return replace(graph, states=tuple(states)).with_ops(ops, tensors)


def _copy(tensors: dict[str, Tensor], name: str, wanted: str, state: State) -> Op:
    copied = unused(wanted, tensors)
    tensors[copied] = replace(tensors[name], name=copied, data=None)
    source = f"state '{state.name}'"
    shape = tensors[name].shape
    return Reshape(inputs=(name,), outputs=(copied,), source=source, shape=shape)


def _place(ops: Sequence[Op], state: State) -> int:
    """Return the first place where the next value is there and nothing reads the state any more."""
    after = (
        place + 1
        for place, op in enumerate(ops)
        if state.next in op.outputs or state.name in op.inputs
    )
    return max(after, default=0)
