"""Activations of fewer than 8 bits in a network of bytes.

Their codes are the top ``2**bits`` of the type, so whatever is too large saturates by itself.
What is too small does not: ReLU clamps it, at the zero point; after anything else the codes are
written at the bottom of the type, where they saturate, and moved up, where the others do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.verify import verify
from edgeq.ops.base import Op
from edgeq.ops.requantize import Requantize
from edgeq.passes._names import unused
from edgeq.quantize.rules import QuantPlan


def narrowed(graph: Graph, plan: QuantPlan, bits: Mapping[str, int]) -> Graph:
    """Return an integer network in which tensors of the groups in ``bits`` keep to their codes."""
    if not bits:
        return graph
    tensors = dict(graph.tensors)
    width = {name: bits[group] for name, group in plan.groups.items() if group in bits}
    readers = graph.consumers()
    for op in graph.ops:
        if op.KIND == "requantize" and readers[op.outputs[0]]:
            # Inserted before an operation whose output has the code it converts to.
            target = readers[op.outputs[0]][0].outputs[0]
            width.update({op.outputs[0]: width[target]} if target in width else {})
    for name in [name for name in width if name in tensors and tensors[name].is_constant]:
        lowest = tensors[name].dtype.max - (1 << width[name]) + 1
        data = np.clip(tensors[name].array, lowest, None)
        tensors[name] = replace(tensors[name], data=data)
    ops: list[Op] = []
    for op, io in graph.walk():
        y = io.y
        kept = op.SAME_QUANT or _clamps(op)
        if kept or y.name not in width:
            ops.append(_padded(op, y, width.get(y.name, 8)))
            continue
        name = unused(f"{y.name}_wide", tensors)
        tensors[name] = _lowered(replace(y, name=name), width[y.name])
        ops.append(replace(op, outputs=(name,)))
        source = f"train: {width[y.name]} bits of '{y.name}'"
        ops.append(Requantize(inputs=(name,), outputs=(y.name,), source=source))
    return verify(graph.with_ops(ops, tensors))


def _clamps(op: Op) -> bool:
    """Tell whether an operation clamps below at 0, which no range excludes."""
    activation = getattr(op, "activation", None)
    return activation is not None and activation.bounds[0] == 0


def _lowered(tensor: Tensor, width: int) -> Tensor:
    """Return a tensor whose codes are the lowest ``2**width``."""
    down = 256 - (1 << width)
    return replace(tensor, quant=QuantParams.per_tensor(tensor.scale, tensor.zero_point - down))


def _padded(op: Op, y: Tensor, width: int) -> Op:
    """Return padding whose value is one of the codes."""
    if op.KIND != "pad":
        return op
    lowest = y.dtype.max - (1 << width) + 1
    return replace(op, value=max(lowest, int(op.value)))  # type: ignore[attr-defined,call-arg]
