"""Operations on codes, whether a file states them so or as float ones between codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.frontends.nchw import arithmetic, convolution
from edgeq.frontends.nchw.values import Value, identity
from edgeq.frontends.onnx.codes import (
    HIGH,
    LOW,
    Code,
    Coded,
    give_codes,
    held_code,
    weights_of,
)
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ops_convolution import conv_window, pool_window
from edgeq.frontends.onnx.targets import Target, under, wanted
from edgeq.ir.types import Shape
from edgeq.numerics import onnx
from edgeq.ops.base import Op
from edgeq.ops.batch_matmul import BatchMatmul
from edgeq.ops.qlinear_add import QLinearAdd
from edgeq.ops.qlinear_average_pool2d import QLinearAveragePool2D
from edgeq.ops.table import Table

Function = Callable[[np.ndarray], np.ndarray]

# On x86-64 ONNX Runtime turns int8 pairs of conversions into uint8 ones before it fuses them: zero
# points that are added in float32 are those of uint8.
UNSIGNED = 128


def settle(node: Node, target: Target, *, real: bool) -> None:
    """Say that the result of a node is what was given under the name of its codes."""
    value = node.build.values.pop(target.name)
    give_codes(node, value, target.code, real=real)


def conv(node: Node, target: Target, held: Coded, name: str, bias: str | None) -> None:
    """Convolve input 0 with constant weights [O,I/groups,KH,KW], which the file calls ``name``."""
    image = node.image()
    rank, codes = len(image.shape), held.codes
    if codes.ndim != rank:
        raise node.error(f"weights have shape {codes.shape} for an input {image.shape}")
    if held.axis not in (None, 0):
        raise node.unsupported(f"with scales along dimension {held.axis} of the weights")
    codes = codes[:, :, None, :] if rank == 3 else codes

    def made(array: np.ndarray, depthwise: bool) -> str:
        last = 3 if depthwise else 0
        weights, kind = weights_of(node, replace(held, codes=array), codes.shape[0], last)
        return node.constant(name, weights, (name, rank, depthwise), kind)

    window, groups = conv_window(node, image, codes.shape), node.integer("group", 1)
    kind = target.code.kind
    out = under(node, target)
    convolution.convolve(out, image, codes, groups, window, made, bias, kind=kind)


def dense(node: Node, target: Target, held: Coded, name: str, bias: str | None) -> None:
    """Multiply rows, input 0, by a constant matrix [I,O], which the file calls ``name``."""
    if held.codes.ndim != 2 or not node.value().seen:
        raise node.unsupported(f"of {node.value().seen} and {held.codes.shape}")
    if held.axis not in (None, 1):
        raise node.unsupported(f"with scales along dimension {held.axis} of the weights")
    weights, kind = weights_of(node, held, held.codes.shape[1], 0)
    out = under(node, target)
    key = (name, "codes", held.codes.shape)
    convolution.dense(out, name, weights, key, bias, kind, kind=target.code.kind)


def product(node: Node, target: Target, second: int) -> None:
    """Multiply two computed matrices, or batches of them: input 0 and input ``second``."""
    values = [node.whole_value(index) for index in (0, second)]
    if min(len(value.shape) for value in values) < 2:
        raise node.unsupported("of vectors that are computed at run time")
    tensors = [node.arranged(value, identity(len(value.shape))) for value in values]
    out = under(node, target)
    made = out.emit(BatchMatmul, tensors, kind=target.code.kind)
    shape = node.build.tensors[made].shape
    out.give(Value(made, shape, identity(len(shape))))


def average_pool(node: Node, target: Target, origin: int) -> None:
    """Average windows of an image, input 0; ``origin`` says in which codes the zero point is."""
    image = node.image()
    window = pool_window(node, image)
    ceil, include = (bool(node.integer(name, 0)) for name in ("ceil_mode", "count_include_pad"))
    padding = convolution.pool_padding(node, image, window, ceil=ceil)
    if include and padding != window.padding:
        raise node.unsupported("with ceil_mode and count_include_pad")
    made = under(node, target).emit(
        QLinearAveragePool2D,
        [node.rows(image)],
        window=window.size,
        stride=window.stride,
        padding=padding,
        count_padding=include,
        origin=origin,
        kind=target.code.kind,
    )
    under(node, target).give_image(made, len(image.shape))


def combine(
    node: Node,
    target: Target,
    cls: type[Op],
    operands: Sequence[Value | Coded],
    **fields: Any,
) -> None:
    """Add or multiply two arrays that broadcast, of which one may be constant."""
    shapes = [part.codes.shape if isinstance(part, Coded) else part.shape for part in operands]
    shape = arithmetic.common_shape(node, *shapes)
    values = [part for part in operands if isinstance(part, Value)]
    order = arithmetic.order_of(values, len(shape))
    tensors = [_operand(node, part, order, place) for place, part in enumerate(operands)]
    if cls is QLinearAdd and _is_still(shapes[0], shapes[1]):
        # ONNX Runtime then takes the other one first.
        tensors.reverse()
    out = under(node, target)
    made = out.emit(cls, tensors, kind=target.code.kind, **fields)
    # Constants lose leading extents of 1, which the result may need.
    out.give(out.view(made, shape, order))


def _operand(node: Node, part: Value | Coded, order: Shape, place: int) -> str:
    if isinstance(part, Value):
        return arithmetic.widened(node, part, order)
    array, kind = weights_of(node, part, 1, 0)
    return arithmetic.row_of(node, array, order, f"{node.outputs[0]}:operand{place}", kind)


def _is_still(first: Shape, second: Shape) -> bool:
    """Tell whether one element of the first array meets many of the second, innermost."""
    rank = max(len(first), len(second))
    padded = [(1,) * (rank - len(shape)) + shape for shape in (first, second)]
    for one, other in zip(*(reversed(shape) for shape in padded), strict=True):
        if (one, other) != (1, 1):
            return one == 1
    return False


def same_code(node: Node, code: Code, others: Sequence[Code]) -> None:
    """Raise where int8 and uint8 meet, which ONNX Runtime does not take either."""
    if any(other.origin != code.origin for other in others):
        raise node.unsupported("of int8 and uint8 codes together")


def table(node: Node, target: Target, function: Function) -> None:
    """Apply a function of float32 numbers to each element of input 0, as a table of its codes."""
    code = held_code(node, 0)
    codes = np.arange(LOW, HIGH + 1) + code.origin
    reals = onnx.dequantized(codes, code.scale, code.zero + code.origin)
    with np.errstate(all="ignore"):
        answers = np.asarray(function(reals), np.float32)
    answer = onnx.quantized(
        answers, target.code.scale, target.code.zero + target.code.origin, target.code.bounds
    )
    look_up(node, target, answer - target.code.origin)


def tabled(node: Node, function: Function) -> None:
    """Apply a function to input 0, real, whose result is quantized by what reads it."""
    target = wanted(node)
    table(node, target, function)
    settle(node, target, real=True)


def look_up(node: Node, target: Target, answers: np.ndarray) -> None:
    """Give each code of input 0 its answer; ``answers`` are int8 codes from -128 on."""
    out, value = under(node, target), node.value()
    held = held_code(node, 0)
    codes = tuple(int(code) for code in answers)
    same = (held.scale, held.zero) == (target.code.scale, target.code.zero)
    if same and codes == tuple(range(LOW, HIGH + 1)):
        out.give(value)
        return
    out.give(arithmetic.each(out, value, Table, codes=codes, kind=target.code.kind))


def reading(node: Node, names: Sequence[str]) -> Node:
    """Return the node with other inputs."""
    return replace(node, inputs=tuple(names))


def writing(node: Node, name: str) -> Node:
    """Return the node with one other output."""
    return replace(node, outputs=(name,))
