"""The rules that every graph obeys; checked after reading a file and after every pass.

Graphs come from hostile files: what is checked first bounds the work and the memory of all that
follows, and nothing here allocates what a graph merely announces.
"""

from __future__ import annotations

import math

from edgeq.errors import EdgeqError, ModelError, QuantizationError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.state import State
from edgeq.ir.types import DType, elements
from edgeq.ops._spatial import Padding
from edgeq.ops.base import Op

# Far above any network of this field, far below what would exhaust a machine. The counts are such
# that reading a file at each limit takes less than five seconds (docs/fuzzing.md).
MAX_TENSOR_BYTES = 1 << 31
MAX_TOTAL_BYTES = 1 << 32
MAX_EXTENT = 1 << 24
MAX_RANK = 8
MAX_OPS = 3 << 13
MAX_TENSORS = 1 << 16
MAX_OPERANDS = 1 << 18

# Training leaves scales near the smallest float32 where values were never anything but 0. Products
# and ratios of the largest ones are float32 numbers still.
MIN_SCALE = 2.0**-126
MAX_SCALE = 2.0**40


def verify(graph: Graph) -> Graph:
    """Return the graph unchanged; raise ``EdgeqError`` naming the first rule it breaks."""
    return verify_operations(verify_structure(graph))


def verify_structure(graph: Graph) -> Graph:
    """Check ports, tensors, sizes and execution order, but no operation's own rules."""
    try:
        _check_counts(graph)
        for name, tensor in graph.tensors.items():
            _check_tensor(name, tensor)
        _check_total(graph)
        _check_ports(graph)
        _check_states(graph)
        _check_order(graph)
    except EdgeqError as error:
        raise _placed(graph, error) from None
    return graph


def verify_operations(graph: Graph) -> Graph:
    """Check what each operation says about its operands; the structure must be verified."""
    try:
        for index, op in enumerate(graph.ops):
            _check_op(graph, index, op)
    except EdgeqError as error:
        raise _placed(graph, error) from None
    return graph


def _placed(graph: Graph, error: EdgeqError) -> EdgeqError:
    return error.at(graph.origin) if graph.origin else error


def _check_counts(graph: Graph) -> None:
    operands = sum(len(op.inputs) + len(op.outputs) for op in graph.ops[: MAX_OPS + 1])
    for count, most, what in (
        (len(graph.ops), MAX_OPS, "operations"),
        (len(graph.tensors), MAX_TENSORS, "tensors"),
        (operands, MAX_OPERANDS, "operands"),
    ):
        if count > most:
            raise ModelError(f"{count} {what}, at most {most}")


def _check_ports(graph: Graph) -> None:
    for kind, names in (("input", graph.inputs), ("output", graph.outputs)):
        if not names:
            raise ModelError(f"the model has no {kind}s")
        for name in names:
            if name not in graph.tensors:
                raise ModelError(f"{kind} '{name}' is not a tensor of the model")
        if len(set(names)) != len(names):
            raise ModelError(f"some tensor is listed twice as {kind}")
    for name in graph.inputs:
        if graph.tensors[name].is_constant:
            raise ModelError(f"input '{name}' is a constant")


def _check_states(graph: Graph) -> None:
    names = [state.name for state in graph.states]
    if len(set(names)) != len(names):
        raise ModelError("some tensor is listed twice as state")
    for state in graph.states:
        try:
            _check_state(graph, state)
        except ModelError as error:
            raise error.at(f"state '{state.name}'") from None


def _check_state(graph: Graph, state: State) -> None:
    before, after = graph.tensors.get(state.name), graph.tensors.get(state.next)
    if before is None or after is None:
        missing = state.name if before is None else state.next
        raise ModelError(f"'{missing}' is not a tensor of the model")
    if before.is_constant or state.name in graph.inputs:
        raise ModelError("it is a constant, or an input")
    if state.initial.shape != before.shape or state.initial.dtype != before.dtype.numpy:
        raise ModelError(
            f"it begins as {state.initial.dtype} {state.initial.shape}, "
            f"and is {before.dtype.value} {before.shape}"
        )
    if (before.shape, before.dtype, before.quant) != (after.shape, after.dtype, after.quant):
        raise ModelError(f"'{after.name}', which it becomes, has another shape, type or code")


def _check_tensor(name: str, tensor: Tensor) -> None:
    where = f"tensor '{tensor.name}'"
    if name != tensor.name or not name:
        raise ModelError(f"tensor '{tensor.name}' is known as '{name}'")
    if len(tensor.shape) > MAX_RANK:
        raise ModelError(f"{len(tensor.shape)} dimensions, at most {MAX_RANK}", where=where)
    if any(extent <= 0 for extent in tensor.shape):
        raise ModelError(f"shape {tensor.shape} is not positive", where=where)
    if tensor.bytes > MAX_TENSOR_BYTES or max(tensor.shape, default=1) > MAX_EXTENT:
        raise ModelError(f"shape {tensor.shape} exceeds {MAX_TENSOR_BYTES} bytes", where=where)
    if tensor.quant is not None:
        _check_quant(tensor, where)


def _check_quant(tensor: Tensor, where: str) -> None:
    quant = tensor.quant
    if quant is None:
        return
    for scale in quant.scale:
        if not (math.isfinite(scale) and scale > 0):
            raise ModelError(f"scale {scale!r} is not a positive number", where=where)
        if not MIN_SCALE <= scale <= MAX_SCALE:
            raise QuantizationError(
                f"scale {scale!r} is not between {MIN_SCALE:.3g} and {MAX_SCALE:.3g}", where=where
            )
    if len(quant.scale) != len(quant.zero_point):
        raise ModelError(
            f"{len(quant.scale)} scales and {len(quant.zero_point)} zero points", where=where
        )
    _check_channels(tensor, where)
    dtype = tensor.dtype if tensor.dtype.is_quantized else DType.INT32
    outside = [z for z in quant.zero_point if not dtype.min <= z <= dtype.max]
    if outside:
        raise ModelError(f"zero point {outside[0]} is not an {dtype.value}", where=where)


def _check_channels(tensor: Tensor, where: str) -> None:
    quant = tensor.quant
    if quant is None:
        return
    if quant.axis is None:
        if len(quant.scale) != 1:
            raise ModelError(f"{len(quant.scale)} scales without a channel dimension", where=where)
        return
    if not 0 <= quant.axis < len(tensor.shape):
        raise ModelError(f"channel dimension {quant.axis} of {tensor.shape}", where=where)
    if len(quant.scale) != tensor.shape[quant.axis]:
        raise ModelError(
            f"{len(quant.scale)} scales for {tensor.shape[quant.axis]} channels", where=where
        )
    if not tensor.is_constant:
        raise ModelError("scales per channel, but it is not a constant", where=where)


def _check_total(graph: Graph) -> None:
    total = sum(tensor.bytes for tensor in graph.tensors.values())
    if total > MAX_TOTAL_BYTES:
        raise ModelError(f"all tensors together have {total} bytes, at most {MAX_TOTAL_BYTES}")


def _check_order(graph: Graph) -> None:
    ready = set(graph.sources)
    ready.update(name for name, tensor in graph.tensors.items() if tensor.is_constant)
    for index, op in enumerate(graph.ops):
        for name in op.inputs:
            if name not in graph.tensors:
                raise _error(index, op, f"reads '{name}', which is not a tensor of the model")
            if name not in ready:
                raise _error(index, op, _early(graph, index, name))
        for name in op.outputs:
            if name not in graph.tensors:
                raise _error(index, op, f"writes '{name}', which is not a tensor of the model")
            if name in ready:
                raise _error(index, op, f"writes '{name}', which already has a value")
            ready.add(name)
    for kind, names in (("output", graph.outputs), ("next state", graph.results)):
        for name in names:
            if name not in ready:
                raise ModelError(f"{kind} '{name}' is never computed")


def _early(graph: Graph, index: int, name: str) -> str:
    """Return why tensor ``name`` has no value when operation ``index`` runs."""
    for later, op in enumerate(graph.ops[index:], index):
        if name in op.outputs:
            place = "itself" if later == index else f"op[{later}] ({op.source or op.KIND})"
            return f"reads '{name}', which {place} computes: a cycle, or not in order of execution"
    return f"reads '{name}', which nothing computes"


def _error(index: int, op: Op, what: str) -> ModelError:
    return ModelError(what, where=op.source or f"op[{index}] {op.KIND}")


def _check_op(graph: Graph, index: int, op: Op) -> None:
    if not op.inputs or not op.outputs:
        raise _error(index, op, "has no inputs or no outputs")
    io = graph.operands(op)
    try:
        op.check(io)
        expected = op.shapes(io)
    except EdgeqError as error:
        raise error if op.source else error.at(f"op[{index}]") from None
    actual = tuple(tensor.shape for tensor in io.outs)
    if expected != actual:
        shapes = " and ".join(map(str, expected))
        found = " and ".join(map(str, actual))
        raise _error(index, op, f"output has shape {found}, the operation gives {shapes}")
    padding = getattr(op, "padding", None)
    if isinstance(padding, Padding):
        _check_padded(index, op, io.x, padding)


def _check_padded(index: int, op: Op, x: Tensor, padding: Padding) -> None:
    # A large stride can make a small output out of an image that is almost all padding.
    height = x.shape[1] + padding.top + padding.bottom
    width = x.shape[2] + padding.left + padding.right
    padded = elements((x.shape[0], height, width, x.shape[3])) * x.dtype.bytes
    if padded > MAX_TENSOR_BYTES:
        raise _error(index, op, f"the padded input has {padded} bytes, at most {MAX_TENSOR_BYTES}")
