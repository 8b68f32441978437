"""Operators of whole numbers without scales: indices, counts, extents."""

from __future__ import annotations

from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.integer import Calculation, Integer

WHOLE = (DType.INT32, DType.INT64)


def whole(node: Node, calculation: Calculation, activation: Activation) -> list[Op]:
    """Return the operation on two arrays; raise for a fused activation."""
    if activation is not Activation.NONE:
        raise node.unsupported("of whole numbers with a fused activation")
    return [Integer(**node.ports, calculation=calculation)]
