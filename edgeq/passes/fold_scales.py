"""Fold what a float network multiplies and adds per channel into the layer before it.

Batch normalization of a trained network is ``y * f + o`` with constants for each channel
(Jacob et al. 2017, 3.2; Krishnamoorthi 2018, 3.2.2). After a convolution or a fully connected layer
it needs no operation of its own: ``w' = w * f``, ``b' = b * f + o``. Each new weight and bias is
computed in float64 from the float32 constants and rounded once, so it is the float32 number
closest to the exact one; what the layer then sums differs from before by float rounding alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.passes._names import unused

# The dimension of the weights that counts output channels.
_CHANNELS = {"conv2d": 0, "depthwise_conv2d": 3, "fully_connected": 0}


def fold_scales(graph: Graph) -> Graph:
    """Return the float graph with constant factors and summands per channel in layers before them.

    The layer must have constant float32 weights and bias, no activation, and no other reader.
    Where a new weight or bias is not finite, the operation stays.
    """
    readers = graph.consumers()
    tensors = dict(graph.tensors)
    ops: dict[int, Any] = dict(enumerate(graph.ops))
    writers = {name: place for place, op in ops.items() for name in op.outputs}
    for place, op in enumerate(graph.ops):
        found = _operands(op, tensors, writers)
        if found is None:
            continue
        before, numbers = found
        layer, x = ops[before], tensors[ops[before].outputs[0]]
        alone = len(readers[x.name]) == 1 and x.name not in graph.results
        if not alone or not _is_open(layer, tensors) or tensors[op.outputs[0]].shape != x.shape:
            continue
        with np.errstate(all="ignore"):
            folded = _folded(layer, op, numbers, tensors)
        if folded is not None:
            ops[before] = folded
            writers[op.outputs[0]] = before
            del ops[place]
    return graph.with_ops(ops.values(), tensors)


def _operands(
    op: Op, tensors: dict[str, Tensor], writers: dict[str, int]
) -> tuple[int, np.ndarray] | None:
    """Return the place of the layer that a sum or product follows, and its constants."""
    if op.KIND not in ("add", "mul") or getattr(op, "activation", None) is not Activation.NONE:
        return None
    first, second = op.inputs
    if tensors[first].is_constant:
        first, second = second, first
    data = tensors[second].data
    if first not in writers or data is None or tensors[first].is_constant:
        return None
    channels = tensors[first].shape[-1:]
    if data.dtype != np.float32 or data.size not in (1, *channels):
        return None
    # One number for each channel, or one for all: nothing varies along other dimensions.
    along = data.size == 1 or data.shape[-1:] == channels
    return (writers[first], np.ravel(data).astype(np.float64)) if along else None


def _is_open(layer: Op, tensors: dict[str, Tensor]) -> bool:
    """Tell whether a layer can take over what follows it."""
    if layer.KIND not in _CHANNELS or getattr(layer, "activation", None) is not Activation.NONE:
        return False
    known = [tensors[name] for name in layer.inputs[1:]]
    return all(tensor.is_constant and tensor.dtype is DType.FLOAT32 for tensor in known)


def _folded(layer: Op, op: Op, numbers: np.ndarray, tensors: dict[str, Tensor]) -> Op | None:
    """Return the layer with the weights and bias of both; enter them into ``tensors``."""
    weights = tensors[layer.inputs[1]]
    axis = _CHANNELS[layer.KIND]
    bias = tensors[layer.inputs[2]].array if len(layer.inputs) > 2 else np.zeros(1, np.float32)
    arrays = {"bias": np.broadcast_to(bias, weights.shape[axis : axis + 1]).astype(np.float64)}
    if op.KIND == "add":
        arrays["bias"] = arrays["bias"] + numbers
    else:
        shape = [1] * len(weights.shape)
        shape[axis] = numbers.size
        arrays["bias"] = arrays["bias"] * numbers
        arrays["weights"] = weights.array.astype(np.float64) * numbers.reshape(shape)
    inputs = list(layer.inputs[:2])
    for role, index in (("weights", 1), ("bias", 2)):
        if role not in arrays:
            inputs[2:] = list(layer.inputs[2:]) if role == "bias" else inputs[2:]
            continue
        array = arrays[role].astype(np.float32)
        if not np.isfinite(array).all():
            return None
        base = layer.inputs[index] if index < len(layer.inputs) else f"{op.outputs[0]}:bias"
        name = unused(f"{base}:folded" if not base.endswith(":folded") else base, tensors)
        tensors[name] = Tensor(name, array.shape, DType.FLOAT32, None, array)
        inputs[index:] = [name]
    return replace(layer, inputs=tuple(inputs), outputs=op.outputs)
