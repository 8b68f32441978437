"""Bands: an operation on some rows of its images, and the rows of its inputs that these need."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Reach:
    """Which rows of its computed inputs, ``sources``, each row of an operation's output needs.

    The windows of two rows are ``step`` rows apart; each covers ``span`` rows, dilation included,
    the first from ``top`` rows above the images on, which have ``height`` rows.
    """

    sources: tuple[str, ...]
    step: int
    span: int
    top: int
    height: int

    @classmethod
    def of(cls, op: Any, io: Operands) -> Reach:
        """Return the reach of an operation that can be computed in bands."""
        height = io.x.shape[1]
        if not isinstance(op, WINDOWED):
            return cls(tuple(dict.fromkeys(op.inputs)), 1, 1, 0, height)
        kernel = op.window[0] if hasattr(op, "window") else op.kernel(io)[0]
        dilation = op.dilation[0] if hasattr(op, "dilation") else 1
        span = (kernel - 1) * dilation + 1
        return cls((io.x.name,), op.stride[0], span, op.padding.top, height)

    def under(self, rows: Rows) -> Rows:
        """Return the rows, padding included, under the windows of rows of the output."""
        return rows[0] * self.step - self.top, (rows[1] - 1) * self.step - self.top + self.span

    def seen(self, rows: Rows) -> Rows:
        """Return the rows of the inputs that rows of the output need."""
        begin, end = self.under(rows)
        return (begin if begin > 0 else 0), (end if end < self.height else self.height)


def in_bands(op: Op, io: Operands) -> bool:
    """Tell whether an operation can be computed some rows at a time.

    It works on one image, by windows that each reach some row of it, or element by element.
    """
    computed = [tensor for tensor in (*io.ins, *io.outs) if not tensor.is_constant]
    if any(len(t.shape) != 4 or t.shape[0] != 1 for t in computed):
        return False
    if isinstance(op, WINDOWED):
        reach, height = Reach.of(op, io), io.y.shape[1]
        seen = (reach.seen((row, row + 1)) for row in (0, height - 1))
        return all(begin < end for begin, end in seen)
    alike = all(t.shape == io.y.shape for t in (*io.ins, *io.outs))
    return isinstance(op, ELEMENTWISE) and op.is_plain and alike


def band(op: Any, io: Operands, rows: Rows) -> tuple[Op, Operands]:
    """Return the operation on a band alone: shorter tensors, and the padding that it meets."""
    if isinstance(op, ELEMENTWISE):
        short = tuple(_cut(tensor, rows) for tensor in io.ins)
        return op, Operands(short, (_cut(io.y, rows),))
    reach = Reach.of(op, io)
    (top, bottom), seen = reach.under(rows), reach.seen(rows)
    pads = replace(op.padding, top=seen[0] - top, bottom=bottom - seen[1])
    ins = (_cut(io.x, seen), *io.ins[1:])
    return replace(op, padding=pads), Operands(ins, (_cut(io.y, rows),))


def row_bytes(tensor: Tensor) -> int:
    """Return the bytes of one row of an image."""
    return tensor.bytes // tensor.shape[1]


def _cut(tensor: Tensor, rows: Rows) -> Tensor:
    batch, _, width, depth = tensor.shape
    return replace(tensor, shape=(batch, rows[1] - rows[0], width, depth))
