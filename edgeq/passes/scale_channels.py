"""Make a layer of the factors that a float network multiplies the channels of an image by.

Batch normalization that follows no layer (before the activation of a residual network, after a
concatenation) remains a product and a sum with a row of constants. A depthwise convolution of one
pixel computes the same product, and ``fold_scales`` gives it the sum as its bias. Its weights get
a scale for each channel when it is quantized, where a row of constants would have one for all; and
it takes over the activation behind it.
"""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Graph, Tensor
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.passes._names import unused


def scale_channels(graph: Graph) -> Graph:
    """Return the float graph with depthwise layers for products of images and rows of constants.

    Each number is multiplied by the same one as before: nothing is rounded otherwise. A product
    behind another one stays: it joins that one's layer.
    """
    tensors = dict(graph.tensors)
    readers = graph.consumers()
    ops: list[Op] = []
    taken: set[str] = set()  # what a new layer computes, or will once sums behind it are folded
    for op in graph.ops:
        operands = _operands(op, tensors)
        before = next((name for name in op.inputs if name in taken), None)
        follows = before is not None and len(readers[before]) == 1 and before not in graph.results
        if operands is not None or (follows and _adds_constant(op, tensors)):
            taken.update(op.outputs)
        if operands is None or follows:
            ops.append(op)
            continue
        x, row = operands
        name = unused(f"{row.name}:weights", tensors)
        shape = (1, 1, 1, x.shape[3])
        tensors[name] = replace(row, name=name, shape=shape, data=row.array.reshape(shape))
        ops.append(
            DepthwiseConv2D(
                inputs=(x.name, name),
                outputs=op.outputs,
                source=op.source,
                activation=getattr(op, "activation", Activation.NONE),
            )
        )
    return graph.with_ops(ops, tensors)


def _adds_constant(op: Op, tensors: dict[str, Tensor]) -> bool:
    return op.KIND == "add" and any(tensors[name].is_constant for name in op.inputs)


def _operands(op: Op, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """Return the image and the row of constants that an operation multiplies, if it does."""
    if op.KIND != "mul":
        return None
    x, row = (tensors[name] for name in op.inputs)
    if x.is_constant:
        x, row = row, x
    image = len(x.shape) == 4 and x.dtype.is_float and not x.is_constant
    if not image or not row.is_constant or not row.dtype.is_float:
        return None
    channels = x.shape[3]
    fits = channels > 1 and row.elements == channels and row.shape[-1:] == (channels,)
    return (x, row) if fits else None
