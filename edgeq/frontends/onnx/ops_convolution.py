"""Convolutions, fully connected layers and pooling.

Images are stored channels last; a line [N,C,W] is an image of one row. Weights are put into the
order of the operations here once, while reading.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.values import Value, channels_last, identity
from edgeq.ir.types import Shape
from edgeq.ops._spatial import Padding, Pair, same_padding
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.ops.pad import Pad

MAX_WINDOW = 1 << 20


class Window(NamedTuple):
    """How a window slides over an image."""

    size: Pair
    stride: Pair
    dilation: Pair
    padding: Padding


def _pair(node: Node, name: str, spatial: int, least: int = 1) -> Pair:
    values = node.integers(name)
    values = (1,) * spatial if values is None else values
    if len(values) != spatial or any(not least <= value <= MAX_WINDOW for value in values):
        raise node.error(f"attribute '{name}' is {values}")
    return (1, values[0]) if spatial == 1 else (values[0], values[1])


def _window(node: Node, image: Value, size: Pair) -> Window:
    spatial = len(image.shape) - 2
    stride = _pair(node, "strides", spatial)
    dilation = _pair(node, "dilations", spatial)
    extents = _extents(image)
    kind = node.text("auto_pad", "NOTSET")
    if kind == "NOTSET":
        padding = _explicit(node, spatial)
    elif kind == "VALID":
        padding = Padding()
    elif kind in ("SAME_UPPER", "SAME_LOWER"):
        padding = same_padding(extents, size, stride, dilation)
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


def _extents(image: Value) -> Pair:
    """Return height and width."""
    return (1, image.shape[2]) if len(image.shape) == 3 else (image.shape[2], image.shape[3])


def _rows(node: Node, image: Value) -> str:
    """Return the tensor of an image as [N,H,W,C], a line being one row."""
    if len(image.shape) == 4:
        return image.tensor
    n, channels, width = image.shape
    return node.view(image.tensor, (n, 1, width, channels), identity(4)).tensor


def _give_image(node: Node, tensor: str, rank: int) -> None:
    """Say that the output is the [N,H,W,C] ``tensor``, of ``rank`` dimensions in the file."""
    n, height, width, channels = node.build.tensors[tensor].shape
    shape: Shape = (n, channels, width) if rank == 3 else (n, channels, height, width)
    node.give(node.view(tensor, shape, channels_last(rank)))


@converts("Conv")
def conv(node: Node) -> None:
    """Input, weights [O,I/groups,KH,KW], optional bias."""
    node.expect(3, optional=1)
    image = node.image()
    rank = len(image.shape)
    weights = node.weights(1, "weights")
    if weights.ndim != rank:
        raise node.error(f"weights have shape {weights.shape} for an input {image.shape}")
    listed = node.integers("kernel_shape")
    if listed is not None and listed != weights.shape[2:]:
        raise node.error(f"kernel_shape is {listed}, the weights have {weights.shape}")
    if rank == 3:
        weights = weights[:, :, None, :]
    groups, channels = node.integer("group", 1), image.shape[1]
    if groups < 1 or groups * weights.shape[1] != channels or weights.shape[0] % groups:
        raise node.error(f"{groups} groups of weights {weights.shape} for {channels} channels")
    depthwise = weights.shape[1] == 1 and groups > 1
    # Depthwise: [1,KH,KW,O]; others: [O,KH,KW,I].
    perm = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    name = node.inputs[1]
    inputs = [
        _rows(node, image),
        node.constant(name, weights.transpose(perm), (name, rank, depthwise)),
    ]
    if node.has(2):
        bias = node.weights(2, "biases")
        if bias.shape != weights.shape[:1]:
            raise node.error(f"biases have shape {bias.shape} for weights {weights.shape}")
        inputs.append(node.constant(node.inputs[2], bias, (node.inputs[2],)))
    window = _window(node, image, (weights.shape[2], weights.shape[3]))
    cls: type[Op] = DepthwiseConv2D if depthwise else Conv2D
    made = node.emit(
        cls, inputs, stride=window.stride, dilation=window.dilation, padding=window.padding
    )
    _give_image(node, made, rank)


def _dense(node: Node, weights: np.ndarray, key: tuple[object, ...], bias: str | None) -> None:
    """Add a fully connected layer with ``weights`` [I,O].

    Where the input is a flattened image that is stored channels last, the rows of the weights
    move instead of the image.
    """
    value = node.value()
    if value.seen[-1:] != weights.shape[:1]:
        raise node.error(f"weights have shape {weights.shape} for an input {value.seen}")
    # As many columns as the file holds weights for.
    columns = None if value.plain else value.rows()
    if columns is not None:
        x = node.view(value.tensor, value.seen, identity(2)).tensor
        weights, key = weights[columns], (*key, columns.tobytes())
    else:
        x = node.arranged(value, identity(len(value.seen)))
    inputs = [x, node.constant(node.inputs[1], weights.T, key)]
    made = node.emit(FullyConnected, inputs if bias is None else [*inputs, bias], keep_dims=True)
    shape = (*value.seen[:-1], weights.shape[1])
    node.give(Value(made, shape, identity(len(shape))))


@converts("MatMul")
def mat_mul(node: Node) -> None:
    """Any number of rows, and a constant matrix."""
    node.expect(2)
    weights = node.weights(1, "weights")
    if weights.ndim != 2 or not node.value().seen:
        raise node.unsupported(f"of {node.value().seen} and {weights.shape}")
    _dense(node, weights, (node.inputs[1], "matmul"), None)


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
    _dense(node, weights, (node.inputs[1], turned, float(alpha)), bias)


def _ceiled(node: Node, window: Window, extents: Pair) -> Padding:
    """Return the padding under which rounding down gives as many windows as the node has."""
    padding = window.padding
    if not node.integer("ceil_mode", 0):
        return padding
    ends = []
    before = (padding.top, padding.left)
    after = (padding.bottom, padding.right)
    for i in range(2):
        span = extents[i] + before[i] + after[i] - window.size[i]
        count = -(-span // window.stride[i]) + 1
        # A window that would begin behind the image is none.
        if (count - 1) * window.stride[i] >= extents[i] + before[i]:
            count -= 1
        ends.append(after[i] + max((count - 1) * window.stride[i] - span, 0))
    return Padding(padding.top, ends[0], padding.left, ends[1])


def _pool(node: Node, cls: type[Op]) -> None:
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise node.unsupported("with indices as a second output")
    image = node.image()
    rank = len(image.shape)
    if node.integers("kernel_shape") is None:
        raise node.error("has no kernel_shape")
    window = _window(node, image, _pair(node, "kernel_shape", rank - 2))
    if window.dilation != (1, 1):
        raise node.unsupported("with dilations")
    x, padding = _rows(node, image), _ceiled(node, window, _extents(image))
    if cls is AveragePool2D and node.integer("count_include_pad", 0) and padding.any:
        if padding != window.padding:
            raise node.unsupported("with ceil_mode and count_include_pad")
        borders = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
        x, padding = node.emit(Pad, [x], paddings=borders, value=0.0), Padding()
    made = node.emit(cls, [x], window=window.size, stride=window.stride, padding=padding)
    _give_image(node, made, rank)


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
    image = node.image()
    rank = len(image.shape)
    axes = tuple(range(1, rank - 1))
    made = node.emit(Mean, [image.tensor], axes=axes, keep_dims=True)
    shape = (*image.shape[:2], *(1 for _ in axes))
    node.give(Value(made, shape, channels_last(rank)))


@converts("GlobalMaxPool")
def global_max_pool(node: Node) -> None:
    """One image; height and width become 1."""
    node.expect(1)
    image = node.image()
    extents = _extents(image)
    made = node.emit(MaxPool2D, [_rows(node, image)], window=extents, stride=extents)
    _give_image(node, made, len(image.shape))
