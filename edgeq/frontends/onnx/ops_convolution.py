"""Convolutions, fully connected layers and pooling, as ONNX states them."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.nchw import convolution as shared
from edgeq.frontends.nchw.convolution import Window, extents
from edgeq.frontends.nchw.values import Value
from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.node import Node
from edgeq.ir.types import Shape
from edgeq.ops._spatial import Padding, Pair, same_padding
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.max_pool2d import MaxPool2D

MAX_WINDOW = 1 << 20


def _pair(node: Node, name: str, spatial: int, least: int = 1) -> Pair:
    values = node.integers(name)
    values = (1,) * spatial if values is None else values
    if len(values) != spatial or any(not least <= value <= MAX_WINDOW for value in values):
        raise node.error(f"attribute '{name}' is {values}")
    return (1, values[0]) if spatial == 1 else (values[0], values[1])


def window_of(node: Node, image: Value, size: Pair) -> Window:
    """Return how a window of ``size`` slides over an image."""
    spatial = len(image.shape) - 2
    stride = _pair(node, "strides", spatial)
    dilation = _pair(node, "dilations", spatial)
    kind = node.text("auto_pad", "NOTSET")
    if kind == "NOTSET":
        padding = _explicit(node, spatial)
    elif kind == "VALID":
        padding = Padding()
    elif kind in ("SAME_UPPER", "SAME_LOWER"):
        padding = same_padding(extents(image), size, stride, dilation)
        if kind == "SAME_LOWER":
            padding = Padding(padding.bottom, padding.top, padding.right, padding.left)
    else:
        raise node.error(f"auto_pad is '{kind}'")
    return Window(size, stride, dilation, padding)


def _explicit(node: Node, spatial: int) -> Padding:
    pads = node.integers("pads") or (0,) * (2 * spatial)
    if len(pads) != 2 * spatial or any(not 0 <= pad <= MAX_WINDOW for pad in pads):
        raise node.error(f"attribute 'pads' is {pads}")
    if spatial == 1:
        return Padding(0, 0, *pads)
    return Padding(pads[0], pads[2], pads[1], pads[3])


def conv_window(node: Node, image: Value, weights: Shape) -> Window:
    """Return the window of a convolution whose weights have shape [O,I/groups,KH,KW]."""
    size = weights[6 - len(image.shape) :]
    listed = node.integers("kernel_shape")
    if listed is not None and listed != size:
        raise node.error(f"kernel_shape is {listed}, the weights have {weights}")
    return window_of(node, image, (weights[2], weights[3]))


@converts("Conv")
def conv(node: Node) -> None:
    """Input, weights [O,I/groups,KH,KW], optional bias."""
    node.expect(3, optional=1)
    image = node.image()
    weights = shared.filters(node, image)
    window = conv_window(node, image, weights.shape)
    shared.convolution(node, image, weights, node.integer("group", 1), window)


@converts("MatMul")
def mat_mul(node: Node) -> None:
    """Any number of rows, and a constant matrix."""
    node.expect(2)
    weights = node.weights(1, "weights")
    if weights.ndim != 2 or not node.value().seen:
        raise node.unsupported(f"of {node.value().seen} and {weights.shape}")
    shared.dense(node, node.inputs[1], weights, (node.inputs[1], "matmul"), None)


@converts("Gemm")
def gemm(node: Node) -> None:
    """Rows, a constant matrix, and an optional constant row that is added."""
    node.expect(3, optional=1)
    weights = node.weights(1, "weights")
    if weights.ndim != 2 or len(node.value().seen) != 2:
        raise node.error(f"of {node.value().seen} and {weights.shape}, expected 2 dimensions")
    if node.integer("transA", 0):
        raise node.unsupported("with transA")
    turned = bool(node.integer("transB", 0))
    alpha, beta = (np.float32(node.real(name, 1.0)) for name in ("alpha", "beta"))
    weights = weights.T if turned else weights
    # One float32 product for each weight, in place of one for each sum.
    with np.errstate(all="ignore"):
        weights = weights if alpha == 1 else weights * alpha
    bias = None
    if node.has(2):
        row = node.weights(2, "biases")
        outs = weights.shape[1]
        if row.size not in (1, outs) or row.size != int(np.prod(row.shape[-1:])):
            raise node.unsupported(f"with biases of shape {row.shape}")
        with np.errstate(all="ignore"):
            row = np.broadcast_to(row.reshape(-1) * beta, (outs,))
        bias = node.constant(node.inputs[2], row, (node.inputs[2], "gemm", outs, float(beta)))
    shared.dense(node, node.inputs[1], weights, (node.inputs[1], turned, float(alpha)), bias)


def _pool(node: Node, cls: type[Op]) -> None:
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise node.unsupported("with indices as a second output")
    image = node.image()
    window = pool_window(node, image)
    ceil, include = (bool(node.integer(name, 0)) for name in ("ceil_mode", "count_include_pad"))
    shared.pool(node, cls, image, window, ceil=ceil, include_pad=include)


def pool_window(node: Node, image: Value) -> Window:
    """Return the window that a pooling states."""
    if node.integers("kernel_shape") is None:
        raise node.error("has no kernel_shape")
    return window_of(node, image, _pair(node, "kernel_shape", len(image.shape) - 2))


@converts("MaxPool")
def max_pool(node: Node) -> None:
    """One image."""
    if node.integer("storage_order", 0):
        raise node.unsupported("with storage_order")
    _pool(node, MaxPool2D)


@converts("AveragePool")
def average_pool(node: Node) -> None:
    """One image; padding takes no part in the mean, unless ``count_include_pad`` says so."""
    _pool(node, AveragePool2D)


@converts("GlobalAveragePool")
def global_average_pool(node: Node) -> None:
    """One image; height and width become 1."""
    node.expect(1)
    shared.whole_average(node)


@converts("GlobalMaxPool")
def global_max_pool(node: Node) -> None:
    """One image; height and width become 1."""
    node.expect(1)
    shared.whole_maximum(node)
