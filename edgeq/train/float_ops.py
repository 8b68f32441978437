"""Float operations on batches of PyTorch tensors, as the graph defines them for one sample.

Images are NHWC, like the graph; convolutions see them permuted, which moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor

from edgeq.ir.graph import Operands
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.train.movement import MOVEMENT

Step = Callable[[Any, Operands, list[Tensor]], "Tensor | tuple[Tensor, ...]"]


def activated(activation: Activation, y: Tensor) -> Tensor:
    """Apply a fused activation."""
    low, high = activation.bounds
    if high is None:
        return y if low is None else nnf.relu(y)
    return y.clamp(low, high)


def padded(x: Tensor, pad: Padding, value: float = 0.0) -> Tensor:
    """Return NHWC images with rows and columns of ``value`` round them."""
    if not pad.any:
        return x
    return nnf.pad(x, (0, 0, pad.left, pad.right, pad.top, pad.bottom), value=value)


def convolved(op: Any, x: Tensor, w: Tensor, groups: int) -> Tensor:
    """Return the sums of a convolution without bias; ``w`` is [O,KH,KW,C/groups]."""
    y = nnf.conv2d(
        padded(x, op.padding).permute(0, 3, 1, 2),
        w.permute(0, 3, 1, 2),
        stride=op.stride,
        dilation=op.dilation,
        groups=groups,
    )
    return y.permute(0, 2, 3, 1)


def sums(op: Any, io: Operands, x: Tensor, w: Tensor) -> Tensor:
    """Return what an operation with weights sums up, before bias and activation."""
    if op.KIND == "fully_connected":
        rows = x if op.keep_dims else x.reshape(len(x), -1)
        return nnf.linear(rows, w)
    if op.KIND == "conv2d":
        return convolved(op, x, w, op.groups(io))
    return convolved(op, x, w.permute(3, 1, 2, 0), io.x.shape[3])


def _layer(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    y = sums(op, io, xs[0], xs[1])
    return activated(op.activation, y + xs[2] if len(xs) > 2 else y)


def _add(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    return activated(op.activation, xs[0] + xs[1])


def _mul(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    return activated(op.activation, xs[0] * xs[1])


def _max_pool(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    x = padded(xs[0], op.padding, -torch.inf).permute(0, 3, 1, 2)
    y = nnf.max_pool2d(x, op.window, op.stride)
    return activated(op.activation, y.permute(0, 2, 3, 1))


def _average_pool(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    def means(x: Tensor) -> Tensor:
        x = padded(x, op.padding).permute(0, 3, 1, 2)
        return nnf.avg_pool2d(x, op.window, op.stride).permute(0, 2, 3, 1)

    y = means(xs[0])
    if op.padding.any:
        # Padding does not count: divide by the share of the window that lies inside.
        y = y / means(torch.ones_like(xs[0][:1, :, :, :1]))
    return activated(op.activation, y)


def _mean(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    return xs[0].mean(op.axes, keepdim=op.keep_dims)


def _resize_bilinear(op: Any, io: Operands, xs: list[Tensor]) -> Tensor:
    y = xs[0]
    for axis, taps in enumerate(op._taps(io), start=1):
        shape = [-1 if i == axis else 1 for i in range(4)]
        share = torch.as_tensor(taps.weight, device=y.device).reshape(shape)
        lower, upper = (
            y.index_select(axis, torch.as_tensor(pixels, device=y.device).long())
            for pixels in (taps.lower, taps.upper)
        )
        y = lower + (upper - lower) * share
    return y


FLOAT_OPS: Mapping[str, Step] = {
    **MOVEMENT,
    "conv2d": _layer,
    "depthwise_conv2d": _layer,
    "fully_connected": _layer,
    "add": _add,
    "mul": _mul,
    "max_pool2d": _max_pool,
    "average_pool2d": _average_pool,
    "mean": _mean,
    "resize_bilinear": _resize_bilinear,
    "relu": lambda op, io, xs: activated(op.activation, xs[0]),
    "softmax": lambda op, io, xs: torch.softmax(xs[0] * op.beta, -1),
    "log_softmax": lambda op, io, xs: torch.log_softmax(xs[0], -1),
    "logistic": lambda op, io, xs: torch.sigmoid(xs[0]),
    "tanh": lambda op, io, xs: torch.tanh(xs[0]),
    "hard_swish": lambda op, io, xs: nnf.hardswish(xs[0]),
}
