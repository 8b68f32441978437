"""Element by element, along an axis, and normalisation by constants, as ATen states them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.frontends.nchw import arithmetic as shared
from edgeq.frontends.torch.converter import converts
from edgeq.frontends.torch.node import Node
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
    "sigmoid": Logistic,
    "tanh": Tanh,
    "hardswish": HardSwish,
    "relu": Relu,
}


@converts(*_UNARY)
def unary(node: Node) -> None:
    """One array."""
    node.give(shared.each(node, node.value(), _UNARY[node.code]))


@converts("silu")
def silu(node: Node) -> None:
    """One array, multiplied by its own sigmoid."""
    gate = node.build.fresh(f"{node.outputs[0]}:gate")
    node.build.values[gate] = shared.each(node, node.value(), Logistic)
    shared.broadcast(replace(node, inputs=(node.inputs[0], gate)), Mul)


@converts("neg")
def negative(node: Node) -> None:
    """One array."""
    node.give(shared.by_number(node, node.value(), Mul, -1.0))


@converts("relu6")
def relu6(node: Node) -> None:
    """One array."""
    shared.clip(node, 0.0, 6.0)


@converts("hardtanh")
def hard_tanh(node: Node) -> None:
    """One array, between two numbers."""
    shared.clip(node, node.number("min_val", -1.0), node.number("max_val", 1.0))


@converts("clamp", "clip", "clamp_min", "clamp_max")
def clamp(node: Node) -> None:
    """One array, and bounds, which are numbers."""
    if len([name for name in node.inputs if name]) > 1:
        raise node.unsupported("by tensors")
    shared.clip(node, node.bound("min"), node.bound("max"))


@converts("hardsigmoid")
def hard_sigmoid(node: Node) -> None:
    """One array: ``clip(x / 6 + 1 / 2, 0, 1)``."""
    shared.hard_sigmoid(node, 1 / 6, 0.5)


def _operands(node: Node) -> Node:
    """Return the node with its second operand as an input, be it a tensor or a number."""
    if node.number("alpha", 1) != 1:
        raise node.unsupported("with alpha")
    node.refuse("rounding_mode")
    if len(node.inputs) > 1:
        return node
    number = np.array(node.number("other"), np.float32)
    return replace(node, inputs=(node.inputs[0], node.own("other", number)))


@converts("add")
def add(node: Node) -> None:
    """Two arrays that broadcast, or an array and a number."""
    shared.broadcast(_operands(node), Add)


@converts("mul")
def mul(node: Node) -> None:
    """Two arrays that broadcast, or an array and a number."""
    shared.broadcast(_operands(node), Mul)


@converts("sub")
def sub(node: Node) -> None:
    """Two arrays that broadcast, or an array and a number."""
    shared.difference(_operands(node))


@converts("rsub")
def reversed_sub(node: Node) -> None:
    """Two arrays that broadcast, or an array and a number, from which it is subtracted."""
    node = _operands(node)
    shared.difference(replace(node, inputs=node.inputs[::-1]))


@converts("div")
def div(node: Node) -> None:
    """One array, and constants or a number."""
    shared.quotient(_operands(node))


@converts("batch_norm", "_native_batch_norm_legit_no_training")
def batch_norm(node: Node) -> None:
    """One array, optional scales and biases, means and variances."""
    if node.flag("training"):
        raise node.unsupported("in training mode")
    if len(node.outputs) > 1:
        raise node.unsupported("with statistics as outputs")
    x, scales, biases, means, variances = (*node.inputs, "", "", "", "", "")[:5]
    if not means or not variances:
        raise node.unsupported("without running statistics")
    channels = node.value().seen[1:2]
    scales = scales or node.own("ones", np.ones(channels, np.float32))
    biases = biases or node.own("zeros", np.zeros(channels, np.float32))
    inputs = (x, scales, biases, means, variances)
    shared.normalize(replace(node, inputs=inputs), node.number("eps", 1e-5))


@converts("softmax", "_softmax", "log_softmax", "_log_softmax")
def softmax(node: Node) -> None:
    """One array, along one dimension."""
    _same_type(node)
    node.refuse("half_to_float")
    shared.along(node, LogSoftmax if "log" in node.code else Softmax, node.integer("dim"))


@converts("mean")
def mean(node: Node) -> None:
    """One array, and the dimensions to average over; without them, all."""
    _same_type(node)
    shared.mean(node, node.integers("dim"), node.flag("keepdim"))


def _same_type(node: Node) -> None:
    kind = node.arguments.get("dtype")
    if kind is not None and str(kind) != "torch.float32":
        raise node.unsupported(f"to {kind}")
