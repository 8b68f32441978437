"""Find windows over the last runs: states that drop their oldest rows and append the newest.

Networks spell this with a slice and a concatenation: of a state that is as long as the window
(``state = window = concat(state[m:], x)``), or of one without what enters (``window =
concat(state, x); state = window[m:]``). Both become a ``Push`` of a state that is the window, which
the planner can let move where it lies: the window is then never copied, and takes no arena.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.state import State
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.push import Push
from edgeq.ops.slice import Slice
from edgeq.passes._names import unused


def push_states(graph: Graph) -> Graph:
    """Return the graph with a push for each state that moves on like a window.

    A state without what enters grows by it, unless more enters than is remembered.
    """
    writers, readers = graph.producers(), graph.consumers()
    states, tensors = list(graph.states), dict(graph.tensors)
    replaced: dict[Op, tuple[Op, ...]] = {}
    for index, state in enumerate(states):
        after = writers.get(state.next)
        joined = writers.get(after.inputs[0]) if isinstance(after, Slice) else after
        if not isinstance(joined, Concat) or joined in replaced or not _is_pair(graph, joined):
            continue
        if joined is after and _moves(graph, state, joined, writers):
            replaced[joined] = (_push(joined, state.name),)
        elif isinstance(after, Slice) and _grows(graph, state, joined, after, readers):
            window = _window(graph, state, joined, unused(f"{state.name}:window", tensors))
            tensors[window.name] = replace(tensors[window.next], name=window.name)
            states[index] = window
            before = replace(after, inputs=(window.name,), outputs=(state.name,))
            replaced[joined] = (before, _push(joined, window.name))
    ops = [each for op in graph.ops for each in replaced.get(op, (op,))]
    return replace(graph, states=tuple(states), tensors=tensors).with_ops(ops)


def _moves(graph: Graph, state: State, joined: Concat, writers: Mapping[str, Op]) -> bool:
    """Tell whether what is joined is the end of a state and what enters."""
    cut = writers.get(joined.inputs[0])
    if not isinstance(cut, Slice) or cut.inputs != (state.name,):
        return False
    return _is_tail(cut, graph.tensors[state.name], joined.axis)


def _grows(
    graph: Graph, state: State, joined: Concat, cut: Slice, readers: Mapping[str, Sequence[Op]]
) -> bool:
    """Tell whether a state is only joined with what enters, and becomes the end of that."""
    kept, whole = graph.tensors[state.name], graph.tensors[joined.outputs[0]]
    if readers[state.name] != (joined,) or joined.inputs[0] != state.name:
        return False
    worth = 2 * kept.shape[joined.axis] >= whole.shape[joined.axis]
    return worth and cut.size == kept.shape and _is_tail(cut, whole, joined.axis)


def _window(graph: Graph, state: State, joined: Concat, name: str) -> State:
    """Return the state that is the whole of what is joined; its first rows are never read."""
    kept, whole = graph.tensors[state.name], graph.tensors[joined.outputs[0]]
    first = np.broadcast_to(state.initial.reshape(-1)[0], whole.shape)
    if not state.is_uniform:
        more = whole.shape[joined.axis] - kept.shape[joined.axis]
        lead = np.split(first, [more], axis=joined.axis)[0]
        first = np.concatenate([lead, state.initial], axis=joined.axis)
    return State(name, whole.name, first)


def _push(joined: Concat, window: str) -> Push:
    inputs = (window, joined.inputs[1])
    return Push(inputs=inputs, outputs=joined.outputs, source=joined.source, axis=joined.axis)


def _is_pair(graph: Graph, joined: Concat) -> bool:
    """Tell whether a concatenation copies the codes of two computed tensors."""
    io = graph.operands(joined)
    copied = len({tensor.quant for tensor in (*io.ins, *io.outs)}) == 1
    return len(io.ins) == 2 and copied and not any(tensor.is_constant for tensor in io.ins)


def _is_tail(cut: Slice, whole: Tensor, axis: int) -> bool:
    """Tell whether a slice is all of a tensor but for its first elements along ``axis``."""
    size = list(whole.shape)
    size[axis] = cut.size[axis]
    begin = [0] * len(size)
    begin[axis] = whole.shape[axis] - cut.size[axis]
    return (list(cut.size), list(cut.begin)) == (size, begin) and set(cut.steps) == {1}
