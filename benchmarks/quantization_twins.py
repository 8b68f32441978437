"""Float networks made of published integer ones: every code becomes the number it stands for.

Trained MobileNets are to be had here as integers with a scale per channel alone. What they stand
for is a trained float network whose batch normalization is folded, with 8 bits in each weight.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops.base import Op
from edgeq.ops.pad import Pad
from edgeq.quantize.ranges import to_reals

_CONVERSIONS = ("quantize", "dequantize", "requantize")


def float_twin(graph: Graph) -> Graph:
    """Return an integer graph in float32; inputs and outputs are real numbers."""
    tensors = {name: _real(tensor) for name, tensor in graph.tensors.items()}
    same: dict[str, str] = {}  # conversions between codes do nothing to real numbers
    ops: list[Op] = []
    for places in graph.ops:
        op = replace(places, inputs=tuple(same.get(name, name) for name in places.inputs))
        if op.KIND in _CONVERSIONS:
            same[op.outputs[0]] = op.inputs[0]
            continue
        if isinstance(op, Pad):
            x = graph.tensors[places.inputs[0]]
            op = replace(op, value=(op.value - x.zero_point) * x.scale if x.quant else op.value)
        if op.WEIGHTS_AXIS is not None and len(op.inputs) > 2:
            tensors[op.inputs[2]] = _bias(*(graph.tensors[name] for name in places.inputs))
        ops.append(op)
    outputs = tuple(same.get(name, name) for name in graph.outputs)
    twin = replace(graph, tensors=tensors, outputs=outputs)
    return verify(twin.with_ops(ops, tensors))


def _real(tensor: Tensor) -> Tensor:
    if tensor.quant is None:
        return tensor
    if tensor.data is None:
        return replace(tensor, dtype=DType.FLOAT32, quant=None)
    reals = to_reals(np.asarray(tensor.data), tensor.quant)
    return replace(tensor, dtype=DType.FLOAT32, quant=None, data=reals)


def _bias(x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
    """Return the bias of a layer, whose codes count steps of the input times the weights."""
    steps = x.scale * np.asarray(w.quant.scale if w.quant else 1.0)
    reals = (np.asarray(bias.data, np.float64) * steps).astype(np.float32)
    return replace(bias, dtype=DType.FLOAT32, quant=None, data=reals)
