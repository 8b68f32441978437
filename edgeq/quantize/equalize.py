"""Cross-layer equalization (Nagel et al. 2019, "Data-free quantization", sections 4.1 and 4.1.3).

Three rewritings that leave the network's function alone:

* Channels that are never on lose their weights (``edgeq/quantize/silent.py``).
* A factor per channel moves between two layers: ReLU and pooling commute with positive factors.
  After ``W1 / s`` and ``W2 * s`` with ``s = sqrt(r1 / r2)``, where ``r`` are the largest magnitudes
  of a channel's weights, both have the same range, and one scale per tensor loses little. ReLU6
  commutes with a factor only below its bound: through it, channels are traded that the samples
  never bring there, and by factors that keep them below.
* What a channel always has is absorbed: ``relu(x) = relu(x - c) + c`` where ``x >= c``, so a bias
  gives ``c`` to the next layer's, and the tensor between has a smaller range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq import reference
from edgeq.ir.graph import Graph, Operands
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.quantize.ranges import Range
from edgeq.quantize.silent import Interval, clear_silent

SWEEPS = 30
# Channels whose weights are this much smaller than the largest are switched off: their bias is
# all that they give, and a factor would blow it up.
DEAD = 1e-5
# Inputs may lie so many times the width of the samples' range beyond it.
MARGIN = 2.0
# The most that a channel is stretched or shrunk in all.
LIMIT = 1024.0
SIX = 6.0
ROOM = 1.1  # between the most that a channel is on the samples and the bound of ReLU6

_HOMOGENEOUS = (Activation.NONE, Activation.RELU)
_PASSES = frozenset({"average_pool2d", "max_pool2d", "reshape", "relu"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two layers whose channels can be traded: indices of the operations in the graph."""

    first: int
    second: int


def equalize(graph: Graph, samples: Iterable[Sequence[np.ndarray]] = ()) -> Graph:
    """Return a prepared float graph that computes the same with evened-out weights.

    It does so for the samples, and for all inputs under which no channel leaves the range that it
    has on them (below, for what is absorbed; above, for what is traded through ReLU6). Inputs
    may lie twice as far beyond the samples' range as that is wide. Without samples, only what
    holds for any input is done.
    """
    kept = list(samples)
    cleared = clear_silent(graph, _reach(graph, kept))
    traded = _traded(cleared, kept)
    return _absorbed(traded, kept) if kept else traded


def _reach(graph: Graph, samples: Sequence[Sequence[np.ndarray]]) -> dict[str, Range]:
    """Return the inputs' ranges, widened twofold on either side."""
    found = {}
    for place, name in enumerate(graph.inputs if samples else ()):
        low = min(float(sample[place].min(initial=0)) for sample in samples)
        high = max(float(sample[place].max(initial=0)) for sample in samples)
        margin = MARGIN * (high - low)
        found[name] = low - margin, high + margin
    return found


def _absorbed(graph: Graph, samples: Sequence[Sequence[np.ndarray]]) -> Graph:
    """Return the graph with the least value of each channel moved into the next layer's bias."""
    chosen = [pair for pair in pairs(graph) if _absorbs(graph, pair)]
    if not chosen:
        return graph
    least: dict[Pair, np.ndarray] = {}
    for sample in samples:
        values = reference.run_tensors(graph, sample)
        for pair in chosen:
            y = values[graph.ops[pair.first].outputs[0]]
            low = y.reshape(-1, y.shape[-1]).min(axis=0).astype(np.float64)
            least[pair] = np.minimum(least.get(pair, np.inf), low)
    tensors = dict(graph.tensors)
    for pair in chosen:
        first, second = graph.ops[pair.first], graph.ops[pair.second]
        io = graph.operands(second)
        away = tensors[first.inputs[2]].array.astype(np.float64) - least[pair]
        constant = np.broadcast_to(least[pair].astype(np.float32), io.x.shape)
        linear = replace(second, activation=Activation.NONE)  # type: ignore[call-arg]
        arrays = [tensors[name].array for name in second.inputs[1:]]
        (bias,) = linear.evaluate_float(io, [constant, *arrays])
        bias = bias.reshape(-1, bias.shape[-1])[0]
        for name, data in ((first.inputs[2], away), (second.inputs[2], bias)):
            tensors[name] = replace(tensors[name], data=data.astype(np.float32))
    return replace(graph, tensors=tensors)


def _absorbs(graph: Graph, pair: Pair) -> bool:
    """Tell whether both have a bias, a ReLU is between, and the second reads no padding."""
    first, second = graph.ops[pair.first], graph.ops[pair.second]
    padding = getattr(second, "padding", None)
    return (
        len(first.inputs) > 2
        and len(second.inputs) > 2
        and getattr(first, "activation", None) is Activation.RELU
        and first.outputs[0] == second.inputs[0]
        and not (padding is not None and padding.any)
    )


def _traded(graph: Graph, samples: Sequence[Sequence[np.ndarray]]) -> Graph:
    """Return the graph with factors moved between neighbours."""
    found = pairs(graph, bounded=bool(samples))
    arrays = {
        name: graph.tensors[name].array.astype(np.float64)
        for pair in found
        for index in (pair.first, pair.second)
        for name in graph.ops[index].inputs[1:]
    }
    limits = _limits(graph, found, samples)
    total = {pair: np.ones(_channels(graph, pair.first)) for pair in found}
    for _ in range(SWEEPS):
        factors = [_trade(graph, pair, arrays, total[pair], limits[pair]) for pair in found]
        if all(np.abs(s - 1).max(initial=0) < 1e-3 for s in factors):
            break
    tensors = dict(graph.tensors)
    for name, array in arrays.items():
        tensors[name] = replace(tensors[name], data=array.astype(np.float32))
    return replace(graph, tensors=tensors)


def _limits(
    graph: Graph, found: Sequence[Pair], samples: Sequence[Sequence[np.ndarray]]
) -> dict[Pair, Interval]:
    """Return the least and the most by which each channel of a pair may shrink in all."""
    tops = {pair: np.zeros(_channels(graph, pair.first)) for pair in found if _bounded(graph, pair)}
    for sample in samples if tops else ():
        values = reference.run_tensors(graph, sample)
        for pair, top in tops.items():
            y = values[graph.ops[pair.first].outputs[0]]
            np.maximum(top, y.reshape(-1, y.shape[-1]).max(axis=0), out=top)
    limits = {}
    for pair in found:
        ones = np.ones(_channels(graph, pair.first))
        limits[pair] = ones / LIMIT, ones * LIMIT
        if pair in tops:
            free = tops[pair] * ROOM < SIX
            low = np.maximum(tops[pair] * ROOM / SIX, 1 / LIMIT)
            limits[pair] = np.where(free, low, 1), np.where(free, LIMIT, 1)
    return limits


def _bounded(graph: Graph, pair: Pair) -> bool:
    return getattr(graph.ops[pair.first], "activation", None) is Activation.RELU6


def pairs(graph: Graph, *, bounded: bool = False) -> tuple[Pair, ...]:
    """Return the layers that follow each other with nothing between but what commutes.

    With ``bounded``, ReLU6 may be the first one's activation.
    """
    usable = (*_HOMOGENEOUS, Activation.RELU6) if bounded else _HOMOGENEOUS
    readers = graph.consumers()
    places = {op.outputs[0]: index for index, op in enumerate(graph.ops)}
    uses = Counter(name for op in graph.ops for name in op.inputs)
    found = []
    for index, op in enumerate(graph.ops):
        if op.WEIGHTS_AXIS is None or op.activation not in usable:  # type: ignore[attr-defined]
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
    graph: Graph,
    pair: Pair,
    arrays: Mapping[str, np.ndarray],
    total: np.ndarray,
    limits: Interval,
) -> np.ndarray:
    """Move factors between the arrays of two layers, in place; return the factors."""
    first, second = graph.ops[pair.first], graph.ops[pair.second]
    w1, w2 = arrays[first.inputs[1]], arrays[second.inputs[1]]
    axis = first.WEIGHTS_AXIS or 0
    r1 = _extents(w1, axis)
    r2 = _reads(graph.operands(second), second, w2)
    alive = (r1 > DEAD * r1.max(initial=0)) & (r2 > DEAD * r2.max(initial=0))
    s = np.sqrt(np.divide(r1, r2, out=np.ones_like(r1), where=alive))
    s = np.clip(s, limits[0] / total, limits[1] / total)
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
