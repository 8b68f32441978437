"""Element by element, along an axis, and normalisation by constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.frontends.nchw.builder import REAL, Kind
from edgeq.frontends.nchw.node import IMAGE_RANKS, Node
from edgeq.frontends.nchw.values import Value, identity, without
from edgeq.ir.types import Shape, elements
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu

_NO_BOUND = 3e38  # exporters write the largest float32 for "none"


def each(node: Node, value: Value, cls: type[Op], *others: str, **fields: object) -> Value:
    """Add an operation on each element: any order and pending reshape stay as they are.

    It stands before a reshape, not after it, so that the layer which was reshaped takes it over.
    """
    build = node.build
    made = node.emit(cls, [build.unviewed(value.tensor), *others], **fields)
    shape = build.tensors[value.tensor].shape
    return replace(value, tensor=build.under(made, shape, node.source))


def by_number(node: Node, value: Value, cls: type[Op], number: float) -> Value:
    """Add a number to each element, or multiply each by it."""
    if not abs(number) < _NO_BOUND:
        raise node.error(f"computes with {number}")
    array = np.array(number, np.float32)
    held = node.constant(f"{node.outputs[0]}:number", array, (cls, float(array)))
    return each(node, value, cls, held)


_CLAMPS = {
    (0.0, None): Activation.RELU,
    (0.0, 6.0): Activation.RELU6,
    (-1.0, 1.0): Activation.RELU_N1_TO_1,
    (None, None): Activation.NONE,
}


def clip(node: Node, low: float | None, high: float | None) -> None:
    """Clamp input 0 between bounds; ``None`` and what is as good as infinite are none."""
    found = (low, high)
    key = tuple(None if b is None or not abs(b) < _NO_BOUND else float(b) for b in found)
    activation = _CLAMPS.get((key[0], key[1]))
    if activation is None:
        raise node.unsupported(f"between {key[0]} and {key[1]}")
    if activation is Activation.NONE:
        node.give(node.value())
    else:
        node.give(each(node, node.value(), Relu, activation=activation))


def hard_sigmoid(node: Node, alpha: float, beta: float) -> None:
    """Compute ``clip(alpha * x + beta, 0, 1)`` as a sixth of a ReLU6."""
    value = node.value()
    factor = float(np.float32(6 * np.float64(np.float32(alpha))))
    # A sixth in float32, times six, is not 1 in float64, but is what a file means by 1.
    if np.float32(alpha) != np.float32(1 / 6):
        value = by_number(node, value, Mul, factor)
    value = by_number(node, value, Add, 6 * beta)
    value = each(node, value, Relu, activation=Activation.RELU6)
    node.give(by_number(node, value, Mul, 1 / 6))


def order_of(values: list[Value], rank: int) -> Shape:
    """Return the order in which the fewest elements move: that of the largest operand."""
    found = [value for value in values if len(value.shape) == rank]
    largest = max(found, key=lambda value: elements(value.shape), default=None)
    return identity(rank) if largest is None else largest.order


def row_of(node: Node, array: np.ndarray, order: Shape, name: str, kind: Kind = REAL) -> str:
    """Return a constant operand in ``order``, without leading extents of 1."""
    wide = array.reshape((1,) * (len(order) - array.ndim) + array.shape).transpose(order)
    extents = list(wide.shape)
    while extents and extents[0] == 1:
        del extents[0]
    return node.constant(name, wide.reshape(extents), (name, "row", order), kind)


def _operand(node: Node, index: int, order: Shape) -> str:
    """Return an operand of a broadcast in ``order``."""
    array = node.array(index)
    if array is not None:
        return row_of(node, array, order, node.inputs[index])
    return widened(node, node.whole_value(index), order)


def widened(node: Node, value: Value, order: Shape) -> str:
    """Return a tensor that holds a value in ``order``, with leading extents of 1 as it asks."""
    missing = len(order) - len(value.shape)
    if missing:
        tensor = node.arranged(value, identity(len(value.shape)))
        value = node.view(tensor, (1,) * missing + value.shape, identity(len(order)))
    return node.arranged(value, order)


def common_shape(node: Node, first: Shape, second: Shape) -> Shape:
    """Return the shape to which two operands broadcast; raise where there is none."""
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise node.error(f"shapes {first} and {second} do not broadcast") from None


def broadcast(node: Node, cls: type[Op]) -> None:
    """Add, or multiply, two arrays that broadcast: inputs 0 and 1."""
    node.expect(2)
    arrays = [node.array(index) for index in range(2)]
    for index, array in enumerate(arrays):
        if array is not None and array.dtype != np.float32:
            raise node.unsupported(f"of {array.dtype.name}")
        if array is not None and array.size == 1 and arrays[1 - index] is None:
            other = node.value(1 - index)
            if array.ndim <= len(other.seen):
                node.give(by_number(node, other, cls, float(array.reshape(()))))
                return
    values = [node.whole_value(i) for i in range(2) if arrays[i] is None]
    shapes = [
        node.value(i).seen if array is None else array.shape for i, array in enumerate(arrays)
    ]
    shape = common_shape(node, *shapes)
    order = order_of(values, len(shape))
    made = node.emit(cls, [_operand(node, index, order) for index in range(2)])
    # Constants lose leading extents of 1, which the result may need.
    node.give(node.view(made, shape, order))


def with_constant(node: Node, array: np.ndarray) -> Node:
    """Return the node with ``array`` as its second input."""
    name = node.build.fresh(f"{node.inputs[1]}:{node.code}")
    node.build.constants[name] = array
    return replace(node, inputs=(node.inputs[0], name))


def difference(node: Node) -> None:
    """Subtract input 1 from input 0: the sum with the negative, which is exact."""
    array = node.array(1)
    if array is not None and array.dtype == np.float32:
        broadcast(with_constant(node, -array), Add)
        return
    name = node.build.fresh(f"{node.inputs[1]}:negative")
    node.build.values[name] = by_number(node, node.value(1), Mul, -1.0)
    broadcast(replace(node, inputs=(node.inputs[0], name)), Add)


def quotient(node: Node) -> None:
    """Divide input 0 by constants: multiply it by their reciprocals in float32."""
    divisor = node.weights(1, "divisors")
    with np.errstate(all="ignore"):
        factors = (1 / divisor.astype(np.float64)).astype(np.float32)
    if not np.isfinite(factors).all():
        raise node.error("a division by 0")
    broadcast(with_constant(node, factors), Mul)


def normalize(node: Node, epsilon: float) -> None:
    """Scale each channel: inputs are the array, scales, biases, means and variances.

    ``y = x * f + (bias - mean * f)`` with ``f = scale / sqrt(variance + epsilon)``: both constants
    are computed in float64 and rounded once to float32.
    """
    value = node.whole_value()
    rank = len(value.shape)
    if rank < 2:
        raise node.error(f"of an input of shape {value.shape}")
    names = ("scales", "biases", "means", "variances")
    found = [node.weights(i, what).astype(np.float64) for i, what in enumerate(names, 1)]
    # What comes before or after is most likely a layer of images, or of lines.
    value = node.image() if rank in IMAGE_RANKS else value
    if any(array.shape != value.shape[1:2] for array in found):
        raise node.error(f"{found[0].shape} scales for {value.shape[1]} channels")
    scale, bias, mean, variance = found
    spread = variance + epsilon
    if not np.all(spread > 0):
        raise node.error("a variance is not positive")
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(spread)
        rows = [row.astype(np.float32) for row in (factor, bias - mean * factor)]
    if not np.isfinite(rows).all():
        raise node.error("its constants make a scale that is no float32")
    shape = (value.shape[1], *(1 for _ in value.shape[2:]))
    # Channels stored last are so in the image of one row, too, that a line was made of.
    is_last = value.order[-1] == 1
    for kind, cls, row in (("scale", Mul, rows[0]), ("offset", Add, rows[1])):
        operand = row_of(node, row.reshape(shape), value.order, f"{node.outputs[0]}:{kind}")
        if is_last:
            value = each(node, value, cls, operand)
        else:
            value = replace(value, tensor=node.emit(cls, [value.tensor, operand]))
    node.give(value)


def along(node: Node, cls: type[Op], axis: int, **fields: Any) -> None:
    """Compute a softmax along one dimension of input 0, stored last for that."""
    value = node.whole_value()
    axis = node.axis(axis, len(value.shape))
    order = (*(other for other in value.order if other != axis), axis)
    made = node.emit(cls, [node.arranged(value, order)], **fields)
    node.give(Value(made, value.shape, order))


def mean(node: Node, axes: Shape | None, keep: bool) -> None:
    """Average input 0 over some dimensions; without them, over all."""
    value = node.whole_value()
    rank = len(value.shape)
    gone = frozenset(node.axes(axes, rank) if axes else range(rank))
    stored = tuple(sorted(value.order.index(axis) for axis in gone))
    made = node.emit(Mean, [value.tensor], axes=stored, keep_dims=keep)
    if keep:
        shape = tuple(1 if axis in gone else extent for axis, extent in enumerate(value.shape))
        node.give(Value(made, shape, value.order))
    else:
        shape = tuple(extent for axis, extent in enumerate(value.shape) if axis not in gone)
        node.give(Value(made, shape, without(value.order, gone)))
