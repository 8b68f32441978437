"""The module of a float graph: real networks, with their weights, as PyTorch states them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as nnf

from edgeq.ir.graph import Graph, Operands
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op

ACTIVATIONS = {
    Activation.NONE: lambda x: x,
    Activation.RELU: nnf.relu,
    Activation.RELU6: nnf.relu6,
}


class Twin(nn.Module):
    """What ``graph`` computes, of images [N,C,H,W]."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.names: dict[str, str] = {}
        for op, io in graph.walk():
            for place, tensor in enumerate(io.ins):
                if tensor.is_constant:
                    # [O,KH,KW,I] or [1,KH,KW,O] to [O,I,KH,KW].
                    perm = (3, 0, 1, 2) if op.KIND == "depthwise_conv2d" else (0, 3, 1, 2)
                    array = tensor.array.transpose(perm) if tensor.array.ndim == 4 else tensor.array
                    name = f"w{len(self.names)}"
                    self.names[op.inputs[place]] = name
                    parameter = torch.from_numpy(array.copy())
                    self.register_parameter(name, nn.Parameter(parameter, requires_grad=False))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        values |= {name: getattr(self, held) for name, held in self.names.items()}
        for op, io in self.graph.walk():
            y = _computed(op, io, [values[name] for name in op.inputs])
            values[op.outputs[0]] = ACTIVATIONS[getattr(op, "activation", Activation.NONE)](y)
        return values[self.graph.outputs[0]]


def _computed(op: Any, io: Operands, xs: list[torch.Tensor]) -> torch.Tensor:
    x, *others = xs
    if op.KIND in ("conv2d", "depthwise_conv2d"):
        groups = 1 if op.KIND == "conv2d" else x.shape[1]
        x, padding = _padded(x, op.padding)
        return nnf.conv2d(x, *others, stride=op.stride, padding=padding, groups=groups)
    if op.KIND in ("max_pool2d", "average_pool2d"):
        pool = nnf.max_pool2d if op.KIND == "max_pool2d" else nnf.avg_pool2d
        return pool(x, op.window, op.stride)
    if op.KIND == "mean":
        return x.mean((2, 3), keepdim=op.keep_dims)
    return _plain(op, io, x, others)


def _plain(op: Op, io: Operands, x: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
    if op.KIND == "fully_connected":
        return nnf.linear(x, *others)
    if op.KIND == "add":
        return x + others[0]
    if op.KIND == "softmax":
        return nnf.softmax(x, -1)
    # A reshape, in the order of the file that the graph was read of.
    shape = io.y.shape
    if x.ndim == 4:
        x = x.permute(0, 2, 3, 1)
    y = x.reshape(shape)
    return y.permute(0, 3, 1, 2) if len(shape) == 4 else y


def _padded(x: torch.Tensor, padding: Padding) -> tuple[torch.Tensor, tuple[int, int]]:
    """Return an image and what is left of its padding: both sides alike, as torch has it."""
    top, bottom, left, right = padding.top, padding.bottom, padding.left, padding.right
    if top == bottom and left == right:
        return x, (top, left)
    return nnf.pad(x, (left, right, top, bottom)), (0, 0)
