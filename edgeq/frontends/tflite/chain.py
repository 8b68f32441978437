"""One operator as several operations, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.frontends.tflite.node import Node
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops.base import Op

Step = tuple[type[Op], dict[str, Any]]


def chain(
    node: Node, steps: Iterable[Step], x: Tensor | None = None, y: str | None = None
) -> list[Op]:
    """Return operations that each read what the one before wrote.

    The first one reads ``x``, the last one writes ``y``; by default these are the node's first
    input and first output. A step is a class and the attributes of the operation; ``"more"``
    among them are inputs that it reads besides.
    """
    x = node.tensor(0) if x is None else x
    result = node.outputs[0] if y is None else y
    todo, ops = list(steps), []
    for number, (cls, given) in enumerate(todo):
        fields = dict(given)
        more: tuple[Tensor, ...] = fields.pop("more", ())
        inputs = (x.name, *(tensor.name for tensor in more))
        op = cls(inputs=inputs, outputs=(result,), source=node.source, **fields)
        if number < len(todo) - 1:
            (shape,) = op.shapes(Operands((x, *more), ()))
            name = node.create(x, shape, cls.KIND)
            op, x = replace(op, outputs=(name,)), node.created[name]
        ops.append(op)
    return ops


def numbers(node: Node, values: Iterable[int], suffix: str, dtype: DType = DType.INT32) -> Tensor:
    """Return a new constant vector without a scale."""
    array = np.array(list(values), dtype.numpy)
    name = node.create(node.output(), array.shape, suffix)
    node.created[name] = Tensor(name, array.shape, dtype, None, array)
    return node.created[name]
