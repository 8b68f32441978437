"""What pooling operations share: the rules of their operands, and their clamp."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._spatial import Padding, Pair, check_window, output_size
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op, require, require_codes

SCALE_SLACK = 1e-6
"""How far LiteRT lets the scales of input and output be apart."""


@dataclass(frozen=True, slots=True)
class Clamp:
    """The inclusive range of output codes."""

    low: int
    high: int


def check_same_codes(op: Op, io: Operands) -> None:
    """Raise unless input and output have one type, and one scale and zero point if quantized."""
    x, y = io.x, io.y
    require_codes(op, io, (DType.INT8, DType.UINT8, DType.INT16, DType.FLOAT32))
    require(op, x.dtype is y.dtype, f"output is {y.dtype.value} for {x.dtype.value} input")
    if x.dtype.is_float:
        return
    same = x.zero_point == y.zero_point and abs(x.scale - y.scale) <= SCALE_SLACK
    require(op, same, "input and output differ in scale or zero point")


def check_pool(op: Op, io: Operands, window: Pair, stride: Pair, padding: Padding) -> None:
    """Raise unless types and codes fit and every window holds a pixel of the image."""
    require(op, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
    check_windows(op, io, window, stride, padding)
    check_same_codes(op, io)


def check_windows(op: Op, io: Operands, window: Pair, stride: Pair, padding: Padding) -> None:
    """Raise unless every window holds at least one pixel of the image."""
    check_window(op, io.x.shape, window, stride, (1, 1), padding)
    image = io.x.shape[1], io.x.shape[2]
    size = output_size(image, window, stride, (1, 1), padding)
    before = (padding.top, padding.left)
    for pixels, extent, step, count, pad in zip(image, window, stride, size, before, strict=True):
        inside = pad < extent and (count - 1) * step - pad < pixels
        require(op, inside, "some window lies in the padding alone")


def pool_shape(x: Shape, window: Pair, stride: Pair, padding: Padding) -> Shape:
    """Return [N, OH, OW, C]."""
    return (x[0], *output_size((x[1], x[2]), window, stride, (1, 1), padding), x[3])


def clamp_of(activation: Activation, io: Operands) -> Clamp:
    """Return the clamp of the output codes."""
    return Clamp(*activation.codes(io.y))
