"""Convolutions, fully connected layers and pooling.

Images are stored channels last; a line [N,C,W] is an image of one row. Weights are put into the
order of the operations here once, while reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from edgeq.frontends.nchw.builder import REAL, Kind
from edgeq.frontends.nchw.node import Node
from edgeq.frontends.nchw.values import Value, channels_last, identity
from edgeq.ops._spatial import Padding, Pair
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.ops.pad import Pad


class Window(NamedTuple):
    """How a window slides over an image."""

    size: Pair
    stride: Pair
    dilation: Pair = (1, 1)
    padding: Padding = Padding()


def extents(image: Value) -> Pair:
    """Return height and width."""
    return (1, image.shape[2]) if len(image.shape) == 3 else (image.shape[2], image.shape[3])


def filters(node: Node, image: Value) -> np.ndarray:
    """Return the weights of a convolution, input 1, as [O,I/groups,KH,KW]."""
    weights = node.weights(1, "weights")
    if weights.ndim != len(image.shape):
        raise node.error(f"weights have shape {weights.shape} for an input {image.shape}")
    return weights[:, :, None, :] if weights.ndim == 3 else weights


def convolution(node: Node, image: Value, weights: np.ndarray, groups: int, window: Window) -> None:
    """Convolve an image with ``weights`` of input 1 and an optional bias, input 2."""
    name = node.inputs[1]
    bias = None
    if node.has(2):
        row = node.weights(2, "biases")
        if row.shape != weights.shape[:1]:
            raise node.error(f"biases have shape {row.shape} for weights {weights.shape}")
        bias = node.constant(node.inputs[2], row, (node.inputs[2],))

    def held(array: np.ndarray, depthwise: bool) -> str:
        return node.constant(name, array, (name, len(image.shape), depthwise))

    convolve(node, image, weights, groups, window, held, bias)


def convolve(
    node: Node,
    image: Value,
    weights: np.ndarray,
    groups: int,
    window: Window,
    held: Callable[[np.ndarray, bool], str],
    bias: str | None,
    **fields: Any,
) -> None:
    """Convolve an image with [O,I/groups,KH,KW] ``weights``.

    ``held`` makes a constant of them in the order of the operation, and is told whether that is
    depthwise: then channels are last.
    """
    channels = image.shape[1]
    if groups < 1 or groups * weights.shape[1] != channels or weights.shape[0] % groups:
        raise node.error(f"{groups} groups of weights {weights.shape} for {channels} channels")
    depthwise = weights.shape[1] == 1 and groups > 1
    # Depthwise: [1,KH,KW,O]; others: [O,KH,KW,I].
    perm = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    inputs = [node.rows(image), held(weights.transpose(perm), depthwise)]
    cls: type[Op] = DepthwiseConv2D if depthwise else Conv2D
    made = node.emit(
        cls,
        inputs if bias is None else [*inputs, bias],
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        **fields,
    )
    node.give_image(made, len(image.shape))


def dense(
    node: Node,
    name: str,
    weights: np.ndarray,
    key: tuple[object, ...],
    bias: str | None,
    held: Kind = REAL,
    **fields: Any,
) -> None:
    """Add a fully connected layer with ``weights`` [I,O], called ``name`` and of kind ``held``.

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
    inputs = [x, node.constant(name, weights.T, key, held)]
    inputs = inputs if bias is None else [*inputs, bias]
    made = node.emit(FullyConnected, inputs, keep_dims=True, **fields)
    shape = (*value.seen[:-1], weights.shape[1])
    node.give(Value(made, shape, identity(len(shape))))


def _ceiled(window: Window, image: Pair) -> Padding:
    """Return the padding under which rounding down gives as many windows as rounding up."""
    padding = window.padding
    ends = []
    before = (padding.top, padding.left)
    after = (padding.bottom, padding.right)
    for i in range(2):
        span = image[i] + before[i] + after[i] - window.size[i]
        count = -(-span // window.stride[i]) + 1
        # A window that would begin behind the image is none.
        if (count - 1) * window.stride[i] >= image[i] + before[i]:
            count -= 1
        ends.append(after[i] + max((count - 1) * window.stride[i] - span, 0))
    return Padding(padding.top, ends[0], padding.left, ends[1])


def pool(
    node: Node,
    cls: type[Op],
    image: Value,
    window: Window,
    *,
    ceil: bool = False,
    include_pad: bool = False,
    **fields: Any,
) -> None:
    """Pool an image; padding takes no part in a mean, unless ``include_pad`` says so."""
    x = node.rows(image)
    padding = pool_padding(node, image, window, ceil=ceil)
    if cls is AveragePool2D and include_pad and padding.any:
        if padding != window.padding:
            raise node.unsupported("with ceil_mode and count_include_pad")
        borders = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
        x, padding = node.emit(Pad, [x], paddings=borders, value=0.0), Padding()
    made = node.emit(cls, [x], window=window.size, stride=window.stride, padding=padding, **fields)
    node.give_image(made, len(image.shape))


def pool_padding(node: Node, image: Value, window: Window, *, ceil: bool) -> Padding:
    """Return the padding round an image that is pooled; ``ceil`` may add some at its ends."""
    if window.dilation != (1, 1):
        raise node.unsupported("with dilations")
    return _ceiled(window, extents(image)) if ceil else window.padding


def whole_average(node: Node, cls: type[Op] = Mean, **fields: Any) -> None:
    """Average an image; height and width become 1."""
    image = node.image()
    rank = len(image.shape)
    axes = tuple(range(1, rank - 1))
    made = node.emit(cls, [image.tensor], axes=axes, keep_dims=True, **fields)
    shape = (*image.shape[:2], *(1 for _ in axes))
    node.give(Value(made, shape, channels_last(rank)))


def whole_maximum(node: Node) -> None:
    """Take the maximum of an image; height and width become 1."""
    image = node.image()
    size = extents(image)
    pool(node, MaxPool2D, image, Window(size, size))
