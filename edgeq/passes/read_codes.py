"""Let the end of a detector read codes where a conversion to real numbers stands before it.

Converters put DEQUANTIZE there when the codes are int8, which LiteRT's operation does not take. It
computes ``scale * (code - zero point)`` in float32 itself where it reads codes, so nothing changes;
and of codes of 8 bits every exponential is known in advance.
"""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Graph
from edgeq.ops._elementwise import BYTES
from edgeq.ops.base import Op
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.detection_postprocess import DetectionPostprocess


def read_codes(graph: Graph) -> Graph:
    """Return the graph with codes as the inputs of detections; conversions may remain unread."""
    writers = graph.producers()
    return graph.with_ops(
        replace(op, inputs=tuple(_codes(graph, writers.get(name), name) for name in op.inputs))
        if isinstance(op, DetectionPostprocess)
        else op
        for op in graph.ops
    )


def _codes(graph: Graph, writer: Op | None, name: str) -> str:
    """Return the codes that a tensor was converted from, or its own name."""
    if not isinstance(writer, Dequantize):
        return name
    x = graph.tensors[writer.inputs[0]]
    one_scale = x.quant is not None and not x.quant.per_channel
    return x.name if x.dtype in BYTES and one_scale else name
