"""Bands: an operation on some rows of its images, and the rows of its inputs that these need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from edgeq.ir.graph import Operands, Tensor
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.logistic import Logistic
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.tanh import Tanh

WINDOWED = (Conv2D, DepthwiseConv2D, AveragePool2D, MaxPool2D)
ELEMENTWISE = (Add, Mul, Relu, Logistic, Tanh, HardSwish, Requantize)

Rows = tuple[int, int]  # begin, end


def in_bands(op: Op, io: Operands) -> bool:
    """Tell whether an operation can be computed some rows at a time.

    It works on one image, by windows that each reach some row of it, or element by element.
    """
    computed = [tensor for tensor in (*io.ins, *io.outs) if not tensor.is_constant]
    if any(len(t.shape) != 4 or t.shape[0] != 1 for t in computed):
        return False
    if isinstance(op, WINDOWED):
        height = io.y.shape[1]
        return all(_reached(op, io, row) is not None for row in (0, height - 1))
    return isinstance(op, ELEMENTWISE) and all(t.shape == io.y.shape for t in (*io.ins, *io.outs))


def reads(op: Op, io: Operands, rows: Rows) -> Iterator[tuple[str, Rows]]:
    """Yield each computed input of an operation in bands, with the rows that ``rows`` need."""
    if isinstance(op, ELEMENTWISE):
        yield from ((name, rows) for name in dict.fromkeys(op.inputs))
        return
    (first, _), (_, last) = (_window(op, io, row) for row in (rows[0], rows[1] - 1))
    yield io.x.name, (max(first, 0), min(last, io.x.shape[1]))


def step(op: Any) -> int:
    """Return by how many rows of the input the windows of two rows of the output are apart."""
    return int(op.stride[0]) if isinstance(op, WINDOWED) else 1


def band(op: Any, io: Operands, rows: Rows) -> tuple[Op, Operands]:
    """Return the operation on a band alone: shorter tensors, and the padding that it meets."""
    if isinstance(op, ELEMENTWISE):
        short = tuple(_cut(tensor, rows) for tensor in io.ins)
        return op, Operands(short, (_cut(io.y, rows),))
    (top, _), (_, bottom) = (_window(op, io, row) for row in (rows[0], rows[1] - 1))
    ((_, seen),) = reads(op, io, rows)
    pads = replace(op.padding, top=seen[0] - top, bottom=bottom - seen[1])
    ins = (_cut(io.x, seen), *io.ins[1:])
    return replace(op, padding=pads), Operands(ins, (_cut(io.y, rows),))


def row_bytes(tensor: Tensor) -> int:
    """Return the bytes of one row of an image."""
    return tensor.bytes // tensor.shape[1]


def _cut(tensor: Tensor, rows: Rows) -> Tensor:
    batch, _, width, depth = tensor.shape
    return replace(tensor, shape=(batch, rows[1] - rows[0], width, depth))


def _window(op: Any, io: Operands, row: int) -> Rows:
    """Return the rows, padding included, under the windows of one row of the output."""
    kernel = op.window[0] if hasattr(op, "window") else op.kernel(io)[0]
    dilation = op.dilation[0] if hasattr(op, "dilation") else 1
    top = row * op.stride[0] - op.padding.top
    return top, top + (kernel - 1) * dilation + 1


def _reached(op: Op, io: Operands, row: int) -> Rows | None:
    top, bottom = _window(op, io, row)
    first, last = max(top, 0), min(bottom, io.x.shape[1])
    return (first, last) if first < last else None
