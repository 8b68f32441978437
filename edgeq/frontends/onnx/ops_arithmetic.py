"""Element by element, along an axis, and normalisation by constants, as ONNX states them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeq.frontends.nchw import arithmetic as shared
from edgeq.frontends.nchw.values import identity
from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.node import Node
from edgeq.ir.types import elements
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.logistic import Logistic
from edgeq.ops.mul import Mul
from edgeq.ops.relu import Relu
from edgeq.ops.softmax import Softmax
from edgeq.ops.tanh import Tanh

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
    node.give(shared.each(node, node.value(), _UNARY[node.code]))


@converts("Clip")
def clip(node: Node) -> None:
    """One array, and optional bounds, which old files hold as attributes."""
    shared.clip(node, *clip_bounds(node))


def clip_bounds(node: Node) -> tuple[float | None, float | None]:
    """Return the bounds of a Clip, ``None`` for one that is absent."""
    node.expect(3, optional=2)
    bounds: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        listed = node.numbers(index, "bounds") if node.has(index) else ()
        if len(listed) > 1:
            raise node.error(f"{len(listed)} bounds")
        bound = listed[0] if listed else None
        if name in node.attributes and node.opset < 11:
            bound = node.real(name, 0.0)
        bounds.append(bound)
    return bounds[0], bounds[1]


@converts("HardSigmoid")
def hard_sigmoid(node: Node) -> None:
    """One array: ``clip(alpha * x + beta, 0, 1)``."""
    node.expect(1)
    shared.hard_sigmoid(node, node.real("alpha", 0.2), node.real("beta", 0.5))


@converts("Add")
def add(node: Node) -> None:
    """Two arrays that broadcast."""
    node.expect(2)
    shared.broadcast(node, Add)


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
        shared.broadcast(replace(node, inputs=(total, name), outputs=(made,)), Add)
        total = made


@converts("Mul")
def mul(node: Node) -> None:
    """Two arrays that broadcast."""
    node.expect(2)
    shared.broadcast(node, Mul)


@converts("Sub")
def sub(node: Node) -> None:
    """Two arrays that broadcast."""
    node.expect(2)
    shared.difference(node)


@converts("Div")
def div(node: Node) -> None:
    """One array, and constants."""
    node.expect(2)
    shared.quotient(node)


@converts("BatchNormalization")
def batch_normalization(node: Node) -> None:
    """One array, and scale, bias, mean and variance of each channel."""
    node.expect(5)
    if node.integer("training_mode", 0):
        raise node.unsupported("in training mode")
    shared.normalize(node, node.real("epsilon", 1e-5))


@converts("Softmax", "LogSoftmax")
def softmax(node: Node) -> None:
    """One array."""
    node.expect(1)
    softmax_of(node, Softmax if node.code == "Softmax" else LogSoftmax, node.opset)


def softmax_of(node: Node, cls: type[Op], opset: int, **fields: Any) -> None:
    """Compute along an axis; before operator set 13, all dimensions from it on are one row."""
    shape = node.value().seen
    axis = node.axis(node.integer("axis", -1 if opset >= 13 else 1), len(shape))
    if opset >= 13 or elements(shape[axis + 1 :]) == 1:
        shared.along(node, cls, axis, **fields)
        return
    tensor = node.arranged(node.value(), identity(len(shape)))
    rows = (elements(shape[:axis]), elements(shape[axis:]))
    made = node.emit(cls, [node.view(tensor, rows, identity(2)).tensor], **fields)
    node.give(node.view(made, shape, identity(len(shape))))


@converts("ReduceMean")
def reduce_mean(node: Node) -> None:
    """One array, and the axes, which are an attribute or an input; without them, all."""
    node.expect(2, optional=1)
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    if not axes and node.integer("noop_with_empty_axes", 0):
        node.give(node.whole_value())
        return
    shared.mean(node, axes, bool(node.integer("keepdims", 1)))
