"""Recognise hard swish in a float network where a file spells it out.

Exporters write ``x * relu6(x + 3) / 6``, the division as a factor of a sixth, before or after the
product. One operation computes the same but for float rounding, and has a table in integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.relu import Relu

_SIXTH = float(np.float32(1 / 6))
# A sixth and three, as files round them.
_SLACK = 1e-6


def fuse_hard_swish(graph: Graph) -> Graph:
    """Return the graph with one operation for each hard swish; what it leaves unread is dropped.

    ``remove_dead`` takes away the parts.
    """
    match = _Match(graph, graph.producers())
    ops: list[Op] = []
    for op in graph.ops:
        x = match.hard_swish(op)
        if x is None:
            ops.append(op)
        else:
            ops.append(HardSwish(inputs=(x,), outputs=op.outputs, source=op.source))
    return graph.with_ops(ops)


@dataclass(frozen=True, slots=True)
class _Match:
    """Patterns over the operations that write tensors."""

    graph: Graph
    writers: dict[str, Op]

    def hard_swish(self, op: Op) -> str | None:
        """Return the tensor whose hard swish ``op`` computes."""
        if not _is(op, "mul"):
            return None
        for first, second in (op.inputs, op.inputs[::-1]):
            # x * (relu6(x + 3) / 6)
            gate = self._times(second, _SIXTH)
            if gate is not None and self._gate(gate) == first:
                return first
            # (x * relu6(x + 3)) / 6
            if self._number(second, _SIXTH):
                return self._product(first)
        return None

    def _product(self, name: str) -> str | None:
        op = self.writers.get(name)
        if op is None or not _is(op, "mul"):
            return None
        first, second = op.inputs
        if self._gate(second) == first:
            return first
        return second if self._gate(first) == second else None

    def _gate(self, name: str) -> str | None:
        """Return x of ``relu6(x + 3)``."""
        clamp = self.writers.get(name)
        if not isinstance(clamp, Relu) or clamp.activation is not Activation.RELU6:
            return None
        total = self.writers.get(clamp.inputs[0])
        return self._other(total, 3.0) if total is not None and _is(total, "add") else None

    def _times(self, name: str, number: float) -> str | None:
        op = self.writers.get(name)
        return self._other(op, number) if op is not None and _is(op, "mul") else None

    def _other(self, op: Op, number: float) -> str | None:
        """Return the operand beside the constant ``number``."""
        first, second = op.inputs
        if self._number(second, number):
            return first
        return second if self._number(first, number) else None

    def _number(self, name: str, number: float) -> bool:
        data = self.graph.tensors[name].data
        close = data is not None and data.size == 1 and data.dtype == np.float32
        return data is not None and close and abs(float(data.ravel()[0]) - number) <= _SLACK


def _is(op: Op, kind: str) -> bool:
    return kind == op.KIND and getattr(op, "activation", None) is Activation.NONE
