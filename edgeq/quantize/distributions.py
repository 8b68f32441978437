"""What the values of each layer look like: histograms of activations, weights and their codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgeq import reference
from edgeq.ir.graph import Graph, Tensor
from edgeq.quantize.calibrate import Sample
from edgeq.quantize.histogram import Histogram
from edgeq.quantize.ranges import to_reals
from edgeq.quantize.rules import prepare


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of the float network beside its codes.

    ``activations`` counts its outputs, ``span`` is what their codes can represent. ``weights`` are
    [channels, values]; ``low`` and ``high`` are what each channel's codes can represent. All three
    are ``None`` for a layer without weights.
    """

    name: str
    kind: str
    tensor: str
    activations: Histogram
    span: tuple[float, float]
    weights: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def distributions(graph: Graph, integer: Graph, samples: Iterable[Sample]) -> tuple[Layer, ...]:
    """Return each layer in the order of execution; ``graph`` and ``samples`` as for ``explain``.

    One sample is in memory at a time.
    """
    ready = prepare(graph)
    counts = {op.outputs[0]: Histogram() for op in ready.ops if _has_codes(integer, op.outputs[0])}
    for sample in samples:
        values = reference.run_tensors(ready, sample)
        for name, histogram in counts.items():
            histogram.add(values[name])
    layers = []
    for op, io in ready.walk():
        name = op.outputs[0]
        if name not in counts:
            continue
        low, high = _ends(integer.tensors[name])
        known = (op.source or op.KIND, op.KIND, name, counts[name], (float(low), float(high)))
        if op.WEIGHTS_AXIS is None:
            layers.append(Layer(*known))
            continue
        rows = np.moveaxis(io.ins[1].array, op.WEIGHTS_AXIS, 0)
        rows = rows.reshape(len(rows), -1)
        ends = _ends(integer.tensors[op.inputs[1]])
        layers.append(Layer(*known, rows, *(np.broadcast_to(end, len(rows)) for end in ends)))
    return tuple(layers)


def _has_codes(integer: Graph, name: str) -> bool:
    return name in integer.tensors and integer.tensors[name].quant is not None


def _ends(tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest real of a tensor's codes, one or one per channel."""
    shape = [1] * len(tensor.shape)
    if tensor.quant is not None and tensor.quant.axis is not None:
        shape[tensor.quant.axis] = tensor.shape[tensor.quant.axis]
    if tensor.quant is None:
        raise ValueError(f"tensor '{tensor.name}' has no codes")
    ends = (np.full(shape, code, np.int32) for code in (tensor.dtype.min, tensor.dtype.max))
    low, high = (to_reals(end, tensor.quant).reshape(-1) for end in ends)
    return (low[0], high[0]) if tensor.quant.axis is None else (low, high)
