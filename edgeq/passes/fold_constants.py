"""Compute at compile time what depends on no input, or is the same whatever that holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.profiles import Numerics, profile
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused
from edgeq.passes.lower_arithmetic import followed

# A file of a few bytes can describe a constant of gigabytes: such a one is computed at run time.
MAX_BYTES = 1 << 26

# The outputs follow from the shapes of the inputs.
_OF_SHAPES = frozenset({"shape"})


def fold_constants(graph: Graph) -> Graph:
    """Return the graph with constants in place of operations whose outputs are known.

    Those read constants alone, or are settled (``Op.settled``). They are evaluated as the reference
    evaluates them: lowered under the graph's numerics, or in float32 in a float graph. An output of
    the graph that is constant becomes the copy of one, since it needs memory of its own.
    """
    tensors = dict(graph.tensors)
    numerics = None if graph.is_float else profile(graph.numerics)
    values: dict[str, str] = {}  # outputs of the graph that are constant, and what holds them
    ops: list[Op] = []
    for name in graph.outputs:
        if tensors[name].is_constant:
            ops.append(_copy(tensors, name, tensors[name], values))
            tensors[name] = replace(tensors[name], data=None)
    for op in graph.ops:
        renamed = replace(op, inputs=tuple(values.get(name, name) for name in op.inputs))
        io = _operands(renamed, tensors)
        found = _found(renamed, io, graph, numerics)
        if not found:
            ops.append(renamed)
        for tensor in found:
            if tensor.name in graph.outputs:
                ops.append(_copy(tensors, tensor.name, tensor, values, op.source))
            else:
                tensors[tensor.name] = tensor
    return graph.with_ops(ops, tensors)


def _operands(op: Op, tensors: dict[str, Tensor]) -> Operands:
    return Operands(
        tuple(tensors[name] for name in op.inputs), tuple(tensors[name] for name in op.outputs)
    )


def _found(op: Op, io: Operands, graph: Graph, numerics: Numerics | None) -> tuple[Tensor, ...]:
    """Return the outputs as constants; none where they are not known."""
    is_copy = isinstance(op, Reshape) and op.outputs[0] in graph.outputs
    if is_copy or sum(tensor.bytes for tensor in io.outs) > MAX_BYTES:
        return ()
    numerics = None if numerics is None else followed(numerics, io)
    if op.KIND in _OF_SHAPES or all(tensor.is_constant for tensor in io.ins):
        return _evaluated(op, io, numerics)
    value = None if numerics is None else op.settled(io, numerics)
    return () if value is None else (replace(io.y, data=value),)


def _evaluated(op: Op, io: Operands, numerics: Numerics | None) -> tuple[Tensor, ...]:
    """Return the outputs as constants."""
    arrays = [
        np.empty(0) if tensor.data is None else tensor.data  # only the shape counts
        for tensor in io.ins
    ]
    if numerics is None:
        results = op.evaluate_float(io, arrays)
    else:
        lowered = op if op.arithmetic is not None else op.lower(io, numerics)
        # Lowering may have put the inputs in another order.
        places = [op.inputs.index(name) for name in lowered.inputs]
        ordered = Operands(tuple(io.ins[place] for place in places), io.outs)
        results = lowered.evaluate(ordered, [arrays[place] for place in places])
    pairs = zip(io.outs, results, strict=True)
    return tuple(replace(tensor, data=result) for tensor, result in pairs)


def _copy(
    tensors: dict[str, Tensor],
    name: str,
    constant: Tensor,
    values: dict[str, str],
    source: str = "",
) -> Op:
    """Return the copy of a constant into output ``name``; enter the constant under a new name."""
    held = unused(f"{name}:constant", tensors)
    tensors[held] = replace(constant, name=held)
    values[name] = held
    return Reshape(inputs=(held,), outputs=(name,), source=source, shape=constant.shape)
