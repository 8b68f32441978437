"""Let the operation before a ReLU clamp its own output.

Where input and output of the ReLU have one code, its rescaling is by exactly 1, and the whole is
``clamp(clamp(v, type_min, type_max), low, high)`` with ``v`` the result of the operation before.
``[low, high]`` lies within the type's range, so that is ``clamp(v, low, high)``: what the fused
activation computes, from the same bounds (``Activation.codes``). In float32 both are one clamp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeq.ir.graph import Graph, Operands
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.relu import Relu


def fuse_activation(graph: Graph) -> Graph:
    """Return the graph without the ReLUs that the operation before them can take over.

    That operation must have an ``activation``, none so far, and no other reader. (A field of that
    name is always the clamp of the output, and the last thing the operation does.)
    """
    readers = graph.consumers()
    ops: dict[int, Any] = dict(enumerate(graph.ops))
    writers = {name: place for place, op in ops.items() for name in op.outputs}
    for place, (op, io) in enumerate(graph.walk()):
        before = writers.get(op.inputs[0])
        if not isinstance(op, Relu) or before is None or not _keeps_code(io):
            continue
        alone = len(readers[io.x.name]) == 1 and io.x.name not in graph.results
        if alone and _is_open(ops[before]):
            ops[before] = replace(ops[before], outputs=op.outputs, activation=op.activation)
            writers[io.y.name] = before
            del ops[place]
    return graph.with_ops(ops.values())


def _keeps_code(io: Operands) -> bool:
    return io.x.dtype is io.y.dtype and io.x.quant == io.y.quant


def _is_open(op: Op) -> bool:
    activation = getattr(op, "activation", None)
    return activation is Activation.NONE and len(op.outputs) == 1 and op.arithmetic is None
