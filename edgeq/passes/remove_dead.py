"""Drop what changes nothing: unread operations, identities, and conversions there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ops.base import Op
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.transpose import Transpose


def remove_dead(graph: Graph) -> Graph:
    """Return the graph without operations that have no part in its outputs.

    These are: operations and states that nothing reads; those whose output is their input (a
    reshape to the same shape, a pad by nothing, a concatenation of one, a requantization to the
    same code); and a requantization that exactly undoes a lossless one. A transpose or pack that
    moves no element becomes a reshape, which needs no copy.
    """
    return _without_unread(_without_identities(graph))


def _without_unread(graph: Graph) -> Graph:
    needed = _needed(graph)
    states = tuple(state for state in graph.states if state.name in needed)
    ops = [op for op in graph.ops if needed.intersection(op.outputs)]
    return replace(graph, states=states).with_ops(ops)


def _needed(graph: Graph) -> set[str]:
    """Return the tensors that outputs depend on, in this run or in a later one."""
    writers = graph.producers()
    becomes = {state.name: state.next for state in graph.states}
    needed: set[str] = set()
    left = list(graph.outputs)
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += writers[name].inputs if name in writers else ()
            left += (becomes[name],) if name in becomes else ()
    return needed


def _without_identities(graph: Graph) -> Graph:
    same: dict[str, str] = {}  # removed tensors, and those that hold their elements
    ports: dict[str, str] = {}  # computed tensors that take the name of an output they equal
    converted: dict[str, str] = {}  # results of lossless requantizations, and what they came from
    writers: dict[str, Op] = {}
    for op in graph.ops:
        op = _renamed(op, same)
        io = graph.operands(op)
        op = _as_reshape(op, io)
        source = _equal_input(op, io, converted, graph.tensors)
        if source is not None and io.y.name not in graph.outputs:
            same[io.y.name] = source
        elif source in writers and source not in ports and source not in graph.outputs:
            ports[source] = io.y.name
        else:
            if isinstance(op, Requantize) and _is_lossless(io):
                converted[io.y.name] = io.x.name
            writers.update((name, op) for name in op.outputs)
    held = {name: ports.get(source, source) for name, source in same.items()} | ports
    states = tuple(replace(s, next=held.get(s.next, s.next)) for s in graph.states)
    ops = [_renamed(op, ports) for op in dict.fromkeys(writers.values())]
    return replace(graph, states=states).with_ops(ops)


def _renamed(op: Op, names: Mapping[str, str]) -> Op:
    return replace(
        op,
        inputs=tuple(names.get(name, name) for name in op.inputs),
        outputs=tuple(names.get(name, name) for name in op.outputs),
    )


def _equal_input(
    op: Op, io: Operands, converted: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> str | None:
    """Return the tensor that already holds this operation's output, if any does."""
    if op.KIND in _IDENTITIES and len(io.ins) == len(io.outs) == 1 and _interchange(io.x, io.y):
        return io.x.name if _IDENTITIES[op.KIND](op, io) else None
    before = converted.get(io.x.name) if isinstance(op, Requantize) else None
    return before if before is not None and _interchange(tensors[before], io.y) else None


def _interchange(x: Tensor, y: Tensor) -> bool:
    """Tell whether one tensor may stand for the other: readers see the same code."""
    return (x.shape, x.dtype, x.quant) == (y.shape, y.dtype, y.quant)


def _always(op: Op, io: Operands) -> bool:
    return True


def _keeps_order(op: Op, io: Operands) -> bool:
    return isinstance(op, Transpose) and op.keeps_order(io)


def _goes_forward(op: Op, io: Operands) -> bool:
    return isinstance(op, Slice) and min(op.steps, default=1) > 0


# Of one input and one output that may be interchanged: when the elements are the same, too.
_IDENTITIES: dict[str, Callable[[Op, Operands], bool]] = {
    "reshape": _always,
    "pad": _always,
    "concat": _always,
    "split": _always,
    "slice": _goes_forward,
    "requantize": _always,
    "transpose": _keeps_order,
}


def _as_reshape(op: Op, io: Operands) -> Op:
    stays = _keeps_order(op, io) or (op.KIND == "pack" and len(io.ins) == 1)
    if not stays or io.x.shape == io.y.shape:
        return op
    return Reshape(inputs=op.inputs, outputs=op.outputs, source=op.source, shape=io.y.shape)


def _is_lossless(io: Operands) -> bool:
    """Tell whether a requantization only moves codes, none of them beyond the output's range."""
    x, y = io.x, io.y
    if x.quant is None or y.quant is None or x.quant.scale != y.quant.scale:
        return False
    move = y.zero_point - x.zero_point
    return y.dtype.min <= x.dtype.min + move and x.dtype.max + move <= y.dtype.max
