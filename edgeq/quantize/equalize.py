"""Cross-layer equalization (Nagel et al. 2019, "Data-free quantization", section 4.1).

A factor per channel moves between two layers without changing the network: ReLU and pooling
commute with positive factors. After ``W1 / s`` and ``W2 * s`` with ``s = sqrt(r1 / r2)``, where
``r`` are the largest magnitudes of a channel's weights, both have the same range, and one scale
per tensor loses little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Graph, Operands
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op

SWEEPS = 30
# Channels whose weights are this much smaller than the largest are switched off: their bias is
# all that they give, and a factor would blow it up.
DEAD = 1e-5
# The most that a channel is stretched or shrunk in all.
LIMIT = 1024.0

_HOMOGENEOUS = (Activation.NONE, Activation.RELU)
_PASSES = frozenset({"average_pool2d", "max_pool2d", "reshape", "relu"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two layers whose channels can be traded: indices of the operations in the graph."""

    first: int
    second: int


def equalize(graph: Graph) -> Graph:
    """Return a prepared float graph that computes the same with evened-out weights."""
    found = pairs(graph)
    arrays = {
        name: graph.tensors[name].array.astype(np.float64)
        for pair in found
        for index in (pair.first, pair.second)
        for name in graph.ops[index].inputs[1:]
    }
    total = {pair: np.ones(_channels(graph, pair.first)) for pair in found}
    for _ in range(SWEEPS):
        factors = [_trade(graph, pair, arrays, total[pair]) for pair in found]
        if all(np.abs(s - 1).max(initial=0) < 1e-3 for s in factors):
            break
    tensors = dict(graph.tensors)
    for name, array in arrays.items():
        tensors[name] = replace(tensors[name], data=array.astype(np.float32))
    return replace(graph, tensors=tensors)


def pairs(graph: Graph) -> tuple[Pair, ...]:
    """Return the layers that follow each other with nothing between but what commutes."""
    readers = graph.consumers()
    places = {op.outputs[0]: index for index, op in enumerate(graph.ops)}
    uses = Counter(name for op in graph.ops for name in op.inputs)
    found = []
    for index, op in enumerate(graph.ops):
        if op.WEIGHTS_AXIS is None or not _commutes(op):
            continue
        at = op
        while len(readers[at.outputs[0]]) == 1 and at.outputs[0] not in graph.outputs:
            at = readers[at.outputs[0]][0]
            if at.WEIGHTS_AXIS is not None:
                alone = all(uses[name] == 1 for name in (*op.inputs[1:], *at.inputs[1:]))
                if alone and _fits(graph, op, at):
                    found.append(Pair(index, places[at.outputs[0]]))
                break
            if at.KIND not in _PASSES or not _commutes(at) or not _keeps_channels(graph, at):
                break
    return tuple(found)


def _commutes(op: Op) -> bool:
    return getattr(op, "activation", Activation.NONE) in _HOMOGENEOUS


def _keeps_channels(graph: Graph, op: Op) -> bool:
    io = graph.operands(op)
    return io.x.shape[-1] == io.y.shape[-1]


def _fits(graph: Graph, first: Op, second: Op) -> bool:
    """Tell whether the second layer reads the first one's channels, each by weights of its own."""
    io = graph.operands(second)
    channels = graph.operands(first).y.shape[-1]
    w = io.ins[1].shape
    if second.KIND == "depthwise_conv2d":
        return io.x.shape[-1] == channels
    return w[-1] == channels and io.x.shape[-1] == channels


def _channels(graph: Graph, index: int) -> int:
    return graph.operands(graph.ops[index]).y.shape[-1]


def _trade(
    graph: Graph, pair: Pair, arrays: Mapping[str, np.ndarray], total: np.ndarray
) -> np.ndarray:
    """Move factors between the arrays of two layers, in place; return the factors."""
    first, second = graph.ops[pair.first], graph.ops[pair.second]
    w1, w2 = arrays[first.inputs[1]], arrays[second.inputs[1]]
    axis = first.WEIGHTS_AXIS or 0
    r1 = _extents(w1, axis)
    r2 = _reads(graph.operands(second), second, w2)
    alive = (r1 > DEAD * r1.max(initial=0)) & (r2 > DEAD * r2.max(initial=0))
    s = np.sqrt(np.divide(r1, r2, out=np.ones_like(r1), where=alive))
    s = np.clip(s, 1 / LIMIT / total, LIMIT / total)
    total *= s
    w1 /= s.reshape([-1 if i == axis else 1 for i in range(w1.ndim)])
    for name in first.inputs[2:]:
        arrays[name][...] /= s
    # The channel that is read is the last dimension of all weights, repeated in depthwise ones.
    w2 *= np.repeat(s, w2.shape[-1] // len(s))
    return s


def _extents(w: np.ndarray, axis: int) -> np.ndarray:
    others = tuple(i for i in range(w.ndim) if i != axis)
    extents: np.ndarray = np.abs(w).max(axis=others)
    return extents


def _reads(io: Operands, op: Op, w: np.ndarray) -> np.ndarray:
    """Return the largest magnitude by which a layer multiplies each channel it reads."""
    extents = _extents(w, w.ndim - 1)
    if op.KIND == "depthwise_conv2d":
        extents = extents.reshape(io.x.shape[-1], -1).max(axis=1)
    return extents
