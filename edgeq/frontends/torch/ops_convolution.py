"""Convolutions, fully connected layers and pooling, as ATen states them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.frontends.nchw import convolution as shared
from edgeq.frontends.nchw.convolution import Window, extents
from edgeq.frontends.nchw.values import Value
from edgeq.frontends.torch.converter import converts
from edgeq.frontends.torch.node import Node
from edgeq.ops._spatial import Padding, Pair
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.max_pool2d import MaxPool2D


def _pair(node: Node, name: str, spatial: int, default: Pair) -> Pair:
    """Return an argument as (height, width); one number stands for both, a line is one high."""
    values = node.integers(name) or ()
    if not values:
        return default
    if len(values) not in (1, spatial):
        raise node.error(f"{name} is {values}")
    first = values[0] if spatial == 2 else default[0]
    return first, values[-1]


def _image(node: Node) -> Value:
    """Return input 0 as an image; a line or an image without a batch is refused."""
    rank = len(node.value().seen)
    if rank != (3 if "1d" in node.code else 4) and node.code != "convolution":
        raise node.unsupported(f"of an input with {rank} dimensions: the batch is missing")
    return node.image()


def _window(node: Node, size: Pair, spatial: int, default: Pair = (1, 1)) -> Window:
    stride = _pair(node, "stride", spatial, default)
    dilation = _pair(node, "dilation", spatial, (1, 1))
    kind = node.arguments.get("padding")
    if isinstance(kind, str):
        # "valid", or "same", which torch allows for strides of 1 alone; the odd one after.
        spans = (dilation[i] * (size[i] - 1) if kind == "same" else 0 for i in range(2))
        (top, bottom), (left, right) = ((span // 2, span - span // 2) for span in spans)
        return Window(size, stride, dilation, Padding(top, bottom, left, right))
    rows, columns = _pair(node, "padding", spatial, (0, 0))
    return Window(size, stride, dilation, Padding(rows, rows, columns, columns))


@converts("conv1d", "conv2d", "convolution")
def conv(node: Node) -> None:
    """Input, weights [O,I/groups,KH,KW], optional bias."""
    node.refuse("transposed")
    image = _image(node)
    weights = shared.filters(node, image)
    groups = node.integer("groups", 1)
    size = (weights.shape[2], weights.shape[3])
    shared.convolution(node, image, weights, groups, _window(node, size, len(image.shape) - 2))


def _dense(node: Node, weights: np.ndarray, key: str, bias: int | None) -> None:
    """Add a layer of [I,O] ``weights``, input 1, and the bias that is input ``bias``."""
    held = None
    if bias is not None:
        row = node.weights(bias, "biases")
        outs = weights.shape[1]
        if row.size not in (1, outs) or row.size != int(np.prod(row.shape[-1:])):
            raise node.unsupported(f"with biases of shape {row.shape}")
        name = node.inputs[bias]
        held = node.constant(name, np.broadcast_to(row.reshape(-1), (outs,)), (name, "row", outs))
    shared.dense(node, node.inputs[1], weights, (node.inputs[1], key), held)


@converts("linear")
def linear(node: Node) -> None:
    """Any number of rows, weights [O,I], optional bias."""
    weights = node.weights(1, "weights")
    if weights.ndim != 2:
        raise node.unsupported(f"with weights of shape {weights.shape}")
    _dense(node, weights.T, "linear", 2 if node.has(2) else None)


@converts("mm", "matmul")
def mat_mul(node: Node) -> None:
    """Any number of rows, and a constant matrix [I,O]."""
    weights = node.weights(1, "weights")
    if weights.ndim != 2:
        raise node.unsupported(f"of {node.value().seen} and {weights.shape}")
    _dense(node, weights, "matmul", None)


@converts("addmm")
def add_mat_mul(node: Node) -> None:
    """Bias, rows, and a constant matrix [I,O]."""
    if node.number("alpha", 1) != 1 or node.number("beta", 1) != 1:
        raise node.unsupported("with alpha or beta")
    bias, rows, matrix = node.inputs
    turned = replace(node, inputs=(rows, matrix, bias))
    _dense(turned, turned.weights(1, "weights"), "matmul", 2)


def _pool(node: Node, cls: type[Op]) -> None:
    if len(node.outputs) > 1:
        raise node.unsupported("with indices as a second output")
    image = _image(node)
    spatial = len(image.shape) - 2
    size = _pair(node, "kernel_size", spatial, (1, 1))
    window = _window(node, size, spatial, (1, size[1]) if spatial == 1 else size)
    divisor = node.arguments.get("divisor_override")
    if divisor is not None and divisor != size[0] * size[1]:
        raise node.unsupported(f"with divisor_override {divisor}")
    # What rounding up adds behind the padding is never counted.
    include = node.flag("count_include_pad") and window.padding.any
    shared.pool(node, cls, image, window, ceil=node.flag("ceil_mode"), include_pad=include)


@converts("max_pool1d", "max_pool2d", "max_pool2d_with_indices")
def max_pool(node: Node) -> None:
    """One image."""
    _pool(node, MaxPool2D)


@converts("avg_pool1d", "avg_pool2d")
def average_pool(node: Node) -> None:
    """One image; padding takes part in the mean unless ``count_include_pad`` is off."""
    _pool(node, AveragePool2D)


@converts(
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "_adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
)
def adaptive_pool(node: Node) -> None:
    """One image, to one pixel, or to a size that divides that of the image."""
    if len(node.outputs) > 1:
        raise node.unsupported("with indices as a second output")
    image = _image(node)
    spatial = len(image.shape) - 2
    size, extent = _pair(node, "output_size", spatial, (1, 1)), extents(image)
    average = "avg" in node.code
    if size == (1, 1):
        (shared.whole_average if average else shared.whole_maximum)(node)
        return
    if extent[0] % size[0] or extent[1] % size[1]:
        raise node.unsupported(f"from {extent} to {size}: pieces of several sizes")
    step = (extent[0] // size[0], extent[1] // size[1])
    shared.pool(node, AveragePool2D if average else MaxPool2D, image, Window(step, step))
