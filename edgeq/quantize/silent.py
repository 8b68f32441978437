"""Channels that no input can switch on, and weights that therefore do nothing.

Batch normalization with a small variance turns a channel that never fires into weights of any
size: what a rectifier always cuts off costs nothing in floating point, but it stretches the range
of its layer, and one scale per layer is then lost on it. Interval arithmetic over the whole
network proves which channels they are; their weights, and those that read them, become 0. The
network computes the same for every input within the given range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.quantize.ranges import Range

# The least and the most that each channel (the last dimension) can be; absent: anything.
Interval = tuple[np.ndarray, np.ndarray]

# Sums in float32 may end this share of their terms above the exact one.
_ROUNDING = 1e-4


def clear_silent(graph: Graph, inputs: Mapping[str, Range]) -> Graph:
    """Return a prepared float graph without the weights of channels that are always 0.

    ``inputs`` are ranges of the graph's inputs; an input without one can be anything.
    """
    known: dict[str, Interval] = {}
    for name, (low, high) in inputs.items():
        channels = graph.tensors[name].shape[-1]
        known[name] = np.full(channels, low), np.full(channels, high)
    tensors = dict(graph.tensors)
    uses = Counter(name for op in graph.ops for name in op.inputs)
    for op in graph.ops:
        io = Operands(*(tuple(tensors[n] for n in names) for names in (op.inputs, op.outputs)))
        if op.WEIGHTS_AXIS is None:
            found = _moved(op, io, known)
        else:
            found = _weighted(op, io, known, tensors, uses)
        if found is not None:
            known[op.outputs[0]] = found
    return replace(graph, tensors=tensors)


def _weighted(
    op: Op,
    io: Operands,
    known: Mapping[str, Interval],
    tensors: dict[str, Tensor],
    uses: Mapping[str, int],
) -> Interval:
    """Return what a layer with weights can give; clear in ``tensors`` what does nothing."""
    w = io.ins[1].array.astype(np.float64)
    axis = op.WEIGHTS_AXIS or 0
    low, high = _read(op, io, known.get(op.inputs[0]))
    w = np.where((low == 0) & (high == 0), 0.0, w)
    with np.errstate(invalid="ignore"):
        ends = [np.where(w == 0, 0.0, w * end) for end in (low, high)]
    least, most = np.minimum(*ends), np.maximum(*ends)
    if getattr(op, "padding", None) is not None and op.padding.any:  # type: ignore[attr-defined]
        least, most = np.minimum(least, 0), np.maximum(most, 0)
    others = tuple(i for i in range(w.ndim) if i != axis)
    bias = io.ins[2].array.astype(np.float64) if len(io.ins) > 2 else np.zeros(w.shape[axis])
    bottom, top = least.sum(axis=others) + bias, most.sum(axis=others) + bias
    slack = _ROUNDING * np.maximum(np.abs(least), np.abs(most)).sum(axis=others)
    alone = all(uses[name] == 1 for name in op.inputs[1:])
    activation: Activation = op.activation  # type: ignore[attr-defined]
    if activation.bounds[0] == 0 and alone:
        silent = top + slack <= 0
        w[_along(silent, axis, w.ndim)] = 0
        if len(io.ins) > 2:
            data = np.where(silent, 0, bias).astype(np.float32)
            tensors[op.inputs[2]] = replace(io.ins[2], data=data)
    if alone:
        tensors[op.inputs[1]] = replace(io.ins[1], data=w.astype(np.float32))
    return _clamped((bottom - slack, top + slack), activation)


def _along(silent: np.ndarray, axis: int, rank: int) -> tuple[Any, ...]:
    return tuple(silent if i == axis else slice(None) for i in range(rank))


def _clamped(found: Interval, activation: Activation) -> Interval:
    if activation is Activation.NONE:
        return found
    low, high = (np.clip(end, *activation.bounds) for end in found)
    return low, high


def _anything(channels: int) -> Interval:
    return np.full(channels, -np.inf), np.full(channels, np.inf)


def _read(op: Op, io: Operands, x: Interval | None) -> Interval:
    """Return the interval of what each weight is multiplied by, of a shape that spreads to it."""
    w = io.ins[1].shape
    low, high = x if x is not None else _anything(io.x.shape[-1])
    if op.KIND == "depthwise_conv2d":
        low, high = (np.repeat(end, w[-1] // len(end)) for end in (low, high))
    elif op.KIND == "conv2d" and w[-1] != len(low):
        groups, rows = len(low) // w[-1], w[0] // (len(low) // w[-1])
        low, high = (
            np.repeat(end.reshape(groups, 1, 1, w[-1]), rows, axis=0) for end in (low, high)
        )
    elif w[-1] != len(low):
        fits = w[-1] % len(low) == 0
        low, high = (np.tile(e, w[-1] // len(e)) for e in (low, high)) if fits else _anything(w[-1])
    return low, high


def _moved(op: Op, io: Operands, known: Mapping[str, Interval]) -> Interval | None:
    """Return what an operation without weights can give; ``None`` where nothing is known."""
    kind = _KINDS.get(op.KIND)
    ins = []
    for name, tensor in zip(op.inputs, io.ins, strict=True):
        if tensor.is_constant:
            flat = tensor.array.reshape(-1, tensor.shape[-1] if tensor.shape else 1)
            ins.append((flat.min(axis=0).astype(np.float64), flat.max(axis=0).astype(np.float64)))
        elif name in known:
            ins.append(known[name])
    if kind is None or len(ins) != len(op.inputs):
        return None
    found = kind(op, io, ins)
    if found is None or len(found[0]) != io.y.shape[-1]:
        return None
    return _clamped(found, getattr(op, "activation", Activation.NONE))


def _same(op: Op, io: Operands, ins: list[Interval]) -> Interval | None:
    return ins[0]


def _sum(op: Op, io: Operands, ins: list[Interval]) -> Interval | None:
    return ins[0][0] + ins[1][0], ins[0][1] + ins[1][1]


def _reshaped(op: Op, io: Operands, ins: list[Interval]) -> Interval | None:
    old, new = io.x.shape[-1], io.y.shape[-1]
    if new % old:
        return None
    return np.tile(ins[0][0], new // old), np.tile(ins[0][1], new // old)


def _padded(op: Op, io: Operands, ins: list[Interval]) -> Interval | None:
    value = float(op.value)  # type: ignore[attr-defined]
    return np.minimum(ins[0][0], value), np.maximum(ins[0][1], value)


_KINDS: dict[str, Callable[[Op, Operands, list[Interval]], Interval | None]] = {
    "relu": _same,
    "average_pool2d": _same,
    "max_pool2d": _same,
    "add": _sum,
    "reshape": _reshaped,
    "pad": _padded,
}
