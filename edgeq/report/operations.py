"""The operations of a graph one by one: what each computes, with which weights, in which layer.

A layer of a program may be several operations that run some rows at a time, and an operation that
only shows memory in another shape is no layer. These are the rows that a reader thinks in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.attributes import encode
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ops.base import Op
from edgeq.plan.program import Call, Program
from edgeq.quantize.ranges import to_reals
from edgeq.report.port import port

Facts = dict[str, Any]

BINS = 64  # of a histogram: four codes of 8 bits in each


def operations(graph: Graph, program: Program | None = None) -> list[Facts]:
    """Return every operation in order.

    ``layer`` is the index of the layer that computes it, and ``None`` where nothing runs: a view,
    or no program. ``kernels`` are those of its function, or of its functions for bands of rows.
    """
    ran = _ran(program)
    found = []
    for index, (op, io) in enumerate(graph.walk()):
        layer, kernels = ran.get(op.outputs[0], (None, ()))
        found.append(
            {
                "index": index,
                "kind": op.KIND,
                "source": op.source,
                "attributes": encode(op),
                "inputs": [t.name for t in io.ins if not t.is_constant],
                "outputs": [port(t) for t in io.outs],
                "macs": op.macs(io),
                "parameters": sum(t.elements for t in dict.fromkeys(io.ins) if t.is_constant),
                "weights": None if op.WEIGHTS_AXIS is None else _weights(op, io),
                "layer": layer,
                "kernels": list(kernels),
            }
        )
    return found


def weights(graph: Graph) -> list[Facts]:
    """Return the ranges of all weights per channel, and how their codes are spread.

    ``low`` and ``high`` are the real numbers that bound each output channel. ``channel_ratio`` is
    the largest over the smallest range, as ``edgeq quantize --explain`` has it of float weights.
    ``histogram`` counts elements in equal steps, at most ``BINS``, over ``histogram_range``: all
    codes of as many bits as they need, or the range of float weights. ``zeros`` is the share of
    elements that stand for 0.
    """
    found = []
    for index, (op, io) in enumerate(graph.walk()):
        if op.WEIGHTS_AXIS is not None and io.ins[1].is_constant:
            found.append({"operation": index, "kind": op.KIND, **_spread(io.ins[1], op)})
    return found


def _ran(program: Program | None) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return for each computed tensor the layer that writes it, and with which kernels."""
    kernels: dict[str, tuple[int, list[str]]] = {}
    for call in () if program is None else program.calls:
        for part in _functions(call):
            for name in part.outputs:
                kernels.setdefault(name, (call.index, []))[1].append(part.kernel)
    return {name: (i, tuple(dict.fromkeys(each))) for name, (i, each) in kernels.items()}


def _functions(call: Call) -> tuple[Call, ...]:
    return call.parts or (call,)


def _weights(op: Op, io: Operands) -> Facts:
    """Return what a table says of a layer's weights."""
    w = io.ins[1]
    codes = w.quant
    return {
        "name": w.name,
        "shape": list(w.shape),
        "dtype": w.dtype.value,
        "per_channel": codes is not None and codes.per_channel,
        "scale": None if codes is None else [min(codes.scale), max(codes.scale)],
        "zero_point": None if codes is None else [min(codes.zero_point), max(codes.zero_point)],
    }


def _spread(w: Tensor, op: Op) -> Facts:
    axis = op.WEIGHTS_AXIS or 0
    reals = w.array if w.quant is None else to_reals(w.array, w.quant)
    others = tuple(i for i in range(w.array.ndim) if i != axis)
    low, high = reals.min(axis=others), reals.max(axis=others)
    extents = np.maximum(np.abs(low), np.abs(high))
    alive = extents[extents > 0]
    bounds = _bounds(w)
    bins = BINS if w.quant is None else min(BINS, int(bounds[1] - bounds[0]))
    counts, _ = np.histogram(w.array.astype(np.float64), bins, bounds)
    return {
        **_weights(op, Operands((w, w), ())),
        "channels": int(low.size),
        "range": [float(low.min()), float(high.max())],
        "channel_ratio": float(alive.max() / alive.min()) if alive.size else 1.0,
        "zeros": float(np.count_nonzero(reals == 0) / w.elements),
        "low": [float(v) for v in low],
        "high": [float(v) for v in high],
        "histogram_range": list(bounds),
        "histogram": [int(count) for count in counts],
    }


def _bounds(w: Tensor) -> tuple[float, float]:
    """Return the ends of a histogram: half a code beyond all codes, or those of the numbers."""
    low, high = float(w.array.min()), float(w.array.max())
    if w.quant is None:
        return (low, high) if low < high else (low - 0.5, high + 0.5)
    top = w.dtype.max
    while w.dtype.min < 0 and high <= top // 2 and low >= -(top // 2) - 1 and top > 1:
        top //= 2
    return (-top - 1.5 if w.dtype.min < 0 else -0.5), top + 0.5
