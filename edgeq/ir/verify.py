"""The rules that every graph obeys; checked after reading a file and after every pass."""

from __future__ import annotations

import math

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import elements
from edgeq.ops.base import Op

# Far above any network of this field, far below what would exhaust a machine.
MAX_TENSOR_BYTES = 1 << 31
MAX_RANK = 8


def verify(graph: Graph) -> Graph:
    """Return the graph unchanged; raise ``ModelError`` naming the first rule it breaks."""
    try:
        _check_ports(graph)
        for tensor in graph.tensors.values():
            _check_tensor(tensor)
        _check_order(graph)
        for op in graph.ops:
            _check_op(graph, op)
    except ModelError as error:
        raise error.at(graph.origin) if graph.origin else error from None
    return graph


def _check_ports(graph: Graph) -> None:
    if not graph.inputs:
        raise ModelError("the model has no inputs")
    if not graph.outputs:
        raise ModelError("the model has no outputs")
    for kind, names in (("input", graph.inputs), ("output", graph.outputs)):
        for name in names:
            if name not in graph.tensors:
                raise ModelError(f"{kind} '{name}' is not a tensor of the model")
        if len(set(names)) != len(names):
            raise ModelError(f"some tensor is listed twice as {kind}")
    for name in graph.inputs:
        if graph.tensors[name].is_constant:
            raise ModelError(f"input '{name}' is a constant")


def _check_tensor(tensor: Tensor) -> None:
    where = f"tensor '{tensor.name}'"
    if len(tensor.shape) > MAX_RANK:
        raise ModelError(f"{len(tensor.shape)} dimensions, at most {MAX_RANK}", where=where)
    if any(extent <= 0 for extent in tensor.shape):
        raise ModelError(f"shape {tensor.shape} is not positive", where=where)
    if elements(tensor.shape) * tensor.dtype.bytes > MAX_TENSOR_BYTES:
        raise ModelError(f"shape {tensor.shape} exceeds {MAX_TENSOR_BYTES} bytes", where=where)
    quant = tensor.quant
    if quant is None:
        return
    if any(not (math.isfinite(scale) and scale > 0) for scale in quant.scale):
        raise ModelError("a scale is not a positive number", where=where)
    if len(quant.scale) != len(quant.zero_point):
        raise ModelError("scales and zero points differ in number", where=where)
    _check_channels(tensor, where)
    if tensor.dtype.is_quantized:
        outside = [z for z in quant.zero_point if not tensor.dtype.min <= z <= tensor.dtype.max]
        if outside:
            raise ModelError(f"zero point {outside[0]} is not an {tensor.dtype.value}", where=where)


def _check_channels(tensor: Tensor, where: str) -> None:
    quant = tensor.quant
    if quant is None:
        return
    if quant.axis is None:
        if len(quant.scale) != 1:
            raise ModelError("several scales without a channel dimension", where=where)
        return
    if not 0 <= quant.axis < len(tensor.shape):
        raise ModelError(f"channel dimension {quant.axis} of {tensor.shape}", where=where)
    if len(quant.scale) != tensor.shape[quant.axis]:
        raise ModelError(
            f"{len(quant.scale)} scales for {tensor.shape[quant.axis]} channels", where=where
        )


def _check_order(graph: Graph) -> None:
    ready = set(graph.inputs)
    ready.update(name for name, tensor in graph.tensors.items() if tensor.is_constant)
    for op in graph.ops:
        for name in op.inputs:
            if name not in graph.tensors:
                raise op.error(f"reads '{name}', which is not a tensor of the model")
            if name not in ready:
                raise op.error(f"reads '{name}' before it is computed")
        for name in op.outputs:
            if name not in graph.tensors:
                raise op.error(f"writes '{name}', which is not a tensor of the model")
            if name in ready:
                raise op.error(f"writes '{name}', which already has a value")
            ready.add(name)
    for name in graph.outputs:
        if name not in ready:
            raise ModelError(f"output '{name}' is never computed")


def _check_op(graph: Graph, op: Op) -> None:
    io = graph.operands(op)
    if not io.ins or not io.outs:
        raise op.error("has no inputs or no outputs")
    op.check(io)
    expected = op.shapes(io)
    actual = tuple(tensor.shape for tensor in io.outs)
    if expected != actual:
        raise op.error(f"output shapes are {actual}, the operation gives {expected}")
