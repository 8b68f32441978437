"""Images at the ports of a model in the order in which it computes, not in that of its file."""

from __future__ import annotations

from dataclasses import replace

from edgeq.frontends.nchw.node import IMAGE_RANKS
from edgeq.frontends.nchw.values import channels_last, inverse
from edgeq.ir.graph import Graph
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.ops.transpose import Transpose


def channels_last_ports(graph: Graph) -> Graph:
    """Return the graph with images that enter or leave it channels last, where that saves a copy.

    A graph that was read of an .onnx or .pt2 file takes and gives [N,C,H,W], as the file does,
    and so does its C. A camera and a screen are [N,H,W,C]: an input that is only ever transposed
    to that, and an output that is transposed from it, then need no transposition. Names stay.
    """
    for name in graph.inputs:
        graph = _input(graph, name)
    for name in graph.outputs:
        graph = _output(graph, name)
    return graph


def _input(graph: Graph, name: str) -> Graph:
    readers = graph.consumers()[name]
    made = {op.outputs[0] for op in readers if _turns(graph, op, to_last=True)}
    if not readers or len(made) != len(readers) or made & set(graph.outputs):
        return graph
    names = dict.fromkeys(made, name)
    return _merged(graph, readers, names, name, graph.operands(readers[0]).y.shape)


def _output(graph: Graph, name: str) -> Graph:
    op = graph.producers().get(name)
    if op is None or not _turns(graph, op, to_last=False) or graph.consumers()[name]:
        return graph
    source = op.inputs[0]
    ports = (*graph.inputs, *graph.outputs)
    if source in ports or graph.tensors[source].is_constant:
        return graph
    return _merged(graph, (op,), {source: name}, name, graph.tensors[source].shape)


def _turns(graph: Graph, op: Op, *, to_last: bool) -> bool:
    """Tell whether an operation only moves the channels of an image: last, or first again."""
    x, y = graph.operands(op).x.shape, graph.operands(op).outs[0].shape
    if len(x) not in IMAGE_RANKS or len(y) != len(x):
        return False
    last = channels_last(len(x))
    perm = last if to_last else inverse(last)
    if isinstance(op, Transpose):
        return op.perm == perm
    # One channel, or one pixel: nothing moves, and the file's shape is another.
    moved = tuple(x[axis] for axis in perm)
    first, second = ([a for a in order if x[a] != 1] for order in (perm, sorted(perm)))
    return isinstance(op, Reshape) and y == moved and first == second


def _merged(
    graph: Graph, gone: tuple[Op, ...], names: dict[str, str], port: str, shape: tuple[int, ...]
) -> Graph:
    """Return the graph without ``gone``, ``port`` of another shape in place of ``names``."""

    def renamed(found: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in found)

    dropped = {id(op) for op in gone}
    ops = [
        replace(op, inputs=renamed(op.inputs), outputs=renamed(op.outputs))
        for op in graph.ops
        if id(op) not in dropped
    ]
    tensors = dict(graph.tensors)
    tensors[port] = replace(tensors[port], shape=shape)
    return graph.with_ops(ops, tensors)
