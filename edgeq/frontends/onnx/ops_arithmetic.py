"""Element by element, along an axis, and normalisation by constants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.values import Value, identity, without
from edgeq.ir.types import Shape, elements
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.logistic import Logistic
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu
from edgeq.ops.softmax import Softmax
from edgeq.ops.tanh import Tanh


def _each(node: Node, value: Value, cls: type[Op], **fields: object) -> Value:
    """Add an operation on each element: any order and pending reshape stay as they are."""
    return replace(value, tensor=node.emit(cls, [value.tensor], **fields))


def _by_number(node: Node, value: Value, cls: type[Op], number: float) -> Value:
    """Add a number to each element, or multiply each by it."""
    if not abs(number) < _NO_BOUND:
        raise node.error(f"computes with {number}")
    array = np.array(number, np.float32)
    held = node.constant(f"{node.outputs[0]}:number", array, (cls, float(array)))
    return replace(value, tensor=node.emit(cls, [value.tensor, held]))


_NO_BOUND = 3e38  # exporters write the largest float32 for "none"

_UNARY: dict[str, type[Op]] = {
    "Sigmoid": Logistic,
    "Tanh": Tanh,
    "HardSwish": HardSwish,
    "Relu": Relu,
}


@converts(*_UNARY)
def unary(node: Node) -> None:
    """One array."""
    node.expect(1)
    node.give(_each(node, node.value(), _UNARY[node.code]))


_CLAMPS = {
    (0.0, None): Activation.RELU,
    (0.0, 6.0): Activation.RELU6,
    (-1.0, 1.0): Activation.RELU_N1_TO_1,
    (None, None): Activation.NONE,
}


@converts("Clip")
def clip(node: Node) -> None:
    """One array, and optional bounds, which old files hold as attributes."""
    node.expect(3, optional=2)
    bounds: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        listed = node.numbers(index, "bounds") if node.has(index) else ()
        if len(listed) > 1:
            raise node.error(f"{len(listed)} bounds")
        bound = listed[0] if listed else None
        if name in node.attributes and node.opset < 11:
            bound = node.real(name, 0.0)
        bounds.append(None if bound is None or not abs(bound) < _NO_BOUND else float(bound))
    key = (bounds[0], bounds[1])
    if key not in _CLAMPS:
        raise node.unsupported(f"between {bounds[0]} and {bounds[1]}")
    if _CLAMPS[key] is Activation.NONE:
        node.give(node.value())
    else:
        node.give(_each(node, node.value(), Relu, activation=_CLAMPS[key]))


@converts("HardSigmoid")
def hard_sigmoid(node: Node) -> None:
    """One array: ``clip(alpha * x + beta, 0, 1)``, computed as a sixth of a ReLU6."""
    node.expect(1)
    alpha, beta = node.real("alpha", 0.2), node.real("beta", 0.5)
    value = node.value()
    factor = float(np.float32(6 * np.float64(np.float32(alpha))))
    # A sixth in float32, times six, is not 1 in float64, but is what a file means by 1.
    if np.float32(alpha) != np.float32(1 / 6):
        value = _by_number(node, value, Mul, factor)
    value = _by_number(node, value, Add, 6 * beta)
    value = _each(node, value, Relu, activation=Activation.RELU6)
    node.give(_by_number(node, value, Mul, 1 / 6))


def _order(values: list[Value], rank: int) -> Shape:
    """Return the order in which the fewest elements move: that of the largest operand."""
    found = [value for value in values if len(value.shape) == rank]
    largest = max(found, key=lambda value: elements(value.shape), default=None)
    return identity(rank) if largest is None else largest.order


def _row(node: Node, array: np.ndarray, order: Shape, name: str) -> str:
    """Return a constant operand in ``order``, without leading extents of 1."""
    wide = array.reshape((1,) * (len(order) - array.ndim) + array.shape).transpose(order)
    extents = list(wide.shape)
    while extents and extents[0] == 1:
        del extents[0]
    return node.constant(name, wide.reshape(extents), (name, "row", order))


def _operand(node: Node, index: int, order: Shape) -> str:
    """Return an operand of a broadcast in ``order``."""
    array = node.array(index)
    if array is not None:
        return _row(node, array, order, node.inputs[index])
    value = node.whole_value(index)
    missing = len(order) - len(value.shape)
    if missing:
        tensor = node.arranged(value, identity(len(value.shape)))
        value = node.view(tensor, (1,) * missing + value.shape, identity(len(order)))
    return node.arranged(value, order)


def _broadcast(node: Node, cls: type[Op]) -> None:
    node.expect(2)
    arrays = [node.array(index) for index in range(2)]
    for index, array in enumerate(arrays):
        if array is not None and array.dtype != np.float32:
            raise node.unsupported(f"of {array.dtype.name}")
        if array is not None and array.size == 1 and arrays[1 - index] is None:
            other = node.value(1 - index)
            if array.ndim <= len(other.seen):
                node.give(_by_number(node, other, cls, float(array.reshape(()))))
                return
    values = [node.whole_value(i) for i in range(2) if arrays[i] is None]
    shapes = [
        node.value(i).seen if array is None else array.shape for i, array in enumerate(arrays)
    ]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise node.error(f"shapes {shapes[0]} and {shapes[1]} do not broadcast") from None
    order = _order(values, len(shape))
    made = node.emit(cls, [_operand(node, index, order) for index in range(2)])
    # Constants lose leading extents of 1, which the result may need.
    node.give(node.view(made, shape, order))


@converts("Add")
def add(node: Node) -> None:
    """Two arrays that broadcast."""
    _broadcast(node, Add)


@converts("Sum")
def sum_of_all(node: Node) -> None:
    """Any number of arrays that broadcast, added from first to last."""
    node.expect(max(1, len(node.inputs)))
    total = node.input(0)
    if len(node.inputs) == 1:
        node.give(node.value())
    for count, name in enumerate(node.inputs[1:], 2):
        last = count == len(node.inputs)
        made = node.outputs[0] if last else node.build.fresh(f"{node.outputs[0]}:{count}")
        _broadcast(replace(node, inputs=(total, name), outputs=(made,)), Add)
        total = made


@converts("Mul")
def mul(node: Node) -> None:
    """Two arrays that broadcast."""
    _broadcast(node, Mul)


def _with_constant(node: Node, array: np.ndarray) -> Node:
    """Return the node with ``array`` as its second input."""
    name = node.build.fresh(f"{node.inputs[1]}:{node.code}")
    node.build.constants[name] = array
    return replace(node, inputs=(node.inputs[0], name))


@converts("Sub")
def sub(node: Node) -> None:
    """Two arrays that broadcast: the sum with the negative, which is exact."""
    node.expect(2)
    array = node.array(1)
    if array is not None and array.dtype == np.float32:
        _broadcast(_with_constant(node, -array), Add)
        return
    name = node.build.fresh(f"{node.inputs[1]}:negative")
    node.build.values[name] = _by_number(node, node.value(1), Mul, -1.0)
    _broadcast(replace(node, inputs=(node.inputs[0], name)), Add)


@converts("Div")
def div(node: Node) -> None:
    """One array, and constants, with whose reciprocals in float32 it is multiplied."""
    node.expect(2)
    divisor = node.weights(1, "divisors")
    with np.errstate(all="ignore"):
        factors = (1 / divisor.astype(np.float64)).astype(np.float32)
    if not np.isfinite(factors).all():
        raise node.error("a division by 0")
    _broadcast(_with_constant(node, factors), Mul)


@converts("BatchNormalization")
def batch_normalization(node: Node) -> None:
    """One array, and scale, bias, mean and variance of each channel.

    ``y = x * f + (bias - mean * f)`` with ``f = scale / sqrt(variance + epsilon)``: both constants
    are computed in float64 and rounded once to float32.
    """
    node.expect(5)
    if node.integer("training_mode", 0):
        raise node.unsupported("in training mode")
    value = node.whole_value()
    rank = len(value.shape)
    if rank < 2:
        raise node.error(f"of an input of shape {value.shape}")
    names = ("scales", "biases", "means", "variances")
    found = [node.weights(i, what).astype(np.float64) for i, what in enumerate(names, 1)]
    # What comes before or after is most likely a layer of images.
    value = node.image() if rank == 4 else value
    if any(array.shape != value.shape[1:2] for array in found):
        raise node.error(f"{found[0].shape} scales for {value.shape[1]} channels")
    scale, bias, mean, variance = found
    spread = variance + node.real("epsilon", 1e-5)
    if not np.all(spread > 0):
        raise node.error("a variance is not positive")
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(spread)
        rows = [row.astype(np.float32) for row in (factor, bias - mean * factor)]
    if not np.isfinite(rows).all():
        raise node.error("its constants make a scale that is no float32")
    shape = (value.shape[1], *(1 for _ in value.shape[2:]))
    for kind, cls, row in (("scale", Mul, rows[0]), ("offset", Add, rows[1])):
        name = f"{node.outputs[0]}:{kind}"
        operand = _row(node, row.reshape(shape), value.order, name)
        value = replace(value, tensor=node.emit(cls, [value.tensor, operand]))
    node.give(value)


@converts("Softmax", "LogSoftmax")
def softmax(node: Node) -> None:
    """One array; before operator set 13, all dimensions from the axis on are one row."""
    node.expect(1)
    value = node.whole_value()
    rank = len(value.shape)
    axis = node.axis(node.integer("axis", -1 if node.opset >= 13 else 1), rank)
    cls: type[Op] = Softmax if node.code == "Softmax" else LogSoftmax
    if node.opset < 13 and elements(value.shape[axis + 1 :]) != 1:
        tensor = node.arranged(value, identity(rank))
        rows = (elements(value.shape[:axis]), elements(value.shape[axis:]))
        held = node.view(tensor, rows, identity(2))
        made = node.emit(cls, [held.tensor])
        node.give(node.view(made, value.shape, identity(rank)))
        return
    order = (*(other for other in value.order if other != axis), axis)
    made = node.emit(cls, [node.arranged(value, order)])
    node.give(Value(made, value.shape, order))


@converts("ReduceMean")
def reduce_mean(node: Node) -> None:
    """One array, and the axes, which are an attribute or an input; without them, all."""
    node.expect(2, optional=1)
    value = node.whole_value()
    rank = len(value.shape)
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    if not axes and node.integer("noop_with_empty_axes", 0):
        node.give(value)
        return
    gone = frozenset(node.axes(axes, rank) if axes else range(rank))
    keep = bool(node.integer("keepdims", 1))
    stored = tuple(sorted(value.order.index(axis) for axis in gone))
    made = node.emit(Mean, [value.tensor], axes=stored, keep_dims=keep)
    if keep:
        shape = tuple(1 if axis in gone else extent for axis, extent in enumerate(value.shape))
        node.give(Value(made, shape, value.order))
    else:
        shape = tuple(extent for axis, extent in enumerate(value.shape) if axis not in gone)
        node.give(Value(made, shape, without(value.order, gone)))
