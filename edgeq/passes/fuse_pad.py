"""Let convolutions pad their own images.

A tap in a convolution's padding adds ``(x_zero - x_zero) * w = 0``, and so does one in a border
that holds the zero point: the sums are the same integers. (Pooling leaves padding out of its
window instead, so a pad before it stays.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeq.ir.graph import Graph, Operands
from edgeq.ops._spatial import Padding
from edgeq.ops.base import Op
from edgeq.ops.pad import Pad

_CONVOLUTIONS = frozenset({"conv2d", "depthwise_conv2d"})


def fuse_pad(graph: Graph) -> Graph:
    """Return the graph with pads of height and width moved into convolutions, where all can be.

    The border must be zero, all readers convolutions of it, and its codes those of its input.
    """
    ops: dict[int, Any] = dict(enumerate(graph.ops))
    # From last to first: of two pads in a row, the second moves first.
    for place, op in reversed(list(enumerate(graph.ops))):
        if not isinstance(op, Pad) or op.outputs[0] in graph.results:
            continue
        readers = [i for i, other in ops.items() if op.outputs[0] in other.inputs]
        reads = [_reads_as_image(ops[i], op.outputs[0]) for i in readers]
        if not readers or not all(reads) or not _is_zero_border(op, graph.operands(op)):
            continue
        for i in readers:
            inputs = (op.inputs[0], *ops[i].inputs[1:])
            ops[i] = replace(ops[i], inputs=inputs, padding=ops[i].padding + _padding(op))
        del ops[place]
    return graph.with_ops(ops.values())


def _reads_as_image(op: Op, name: str) -> bool:
    return op.KIND in _CONVOLUTIONS and op.inputs[0] == name and op.inputs.count(name) == 1


def _is_zero_border(op: Pad, io: Operands) -> bool:
    """Tell whether only height and width of an NHWC image grow, by what counts as zero."""
    if len(op.paddings) != 4 or any(op.paddings[0]) or any(op.paddings[3]):
        return False
    if io.x.dtype.is_float:
        return op.value == 0
    quant = io.y.quant
    return quant is not None and quant == io.x.quant and quant.zero_point == (op.value,)


def _padding(op: Pad) -> Padding:
    return Padding(*op.paddings[1], *op.paddings[2])
