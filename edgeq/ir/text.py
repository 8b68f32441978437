"""A stable text form of graphs, for ``--dump-ir`` and for tests that compare."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.state import State
from edgeq.ops.base import Op

_SKIPPED = frozenset(("inputs", "outputs", "source"))
_SHOWN = 4


def graph_text(graph: Graph) -> str:
    """Return one line per tensor and operation, in order; equal graphs give equal text."""
    lines = [f"graph {graph.name}, numerics {graph.numerics}"]
    lines += [f"  input   {_tensor(graph.tensors[name])}" for name in graph.inputs]
    lines += [f"  output  {_tensor(graph.tensors[name])}" for name in graph.outputs]
    lines += [
        f"  state   {_tensor(graph.tensors[state.name])} = {_initial(state)}, then {state.next}"
        for state in graph.states
    ]
    lines += [
        f"  const   {_tensor(graph.tensors[name])}"
        for name in sorted(graph.tensors)
        if graph.tensors[name].is_constant
    ]
    lines += [line for op in graph.ops for line in _op(graph, op)]
    return "\n".join(lines) + "\n"


def _op(graph: Graph, op: Op) -> list[str]:
    attributes = ", ".join(
        f"{f.name}={value_text(getattr(op, f.name))}"
        for f in fields(op)
        if f.name not in _SKIPPED and getattr(op, f.name) is not None
    )
    lines = [f"  op {op.KIND}({', '.join(op.inputs)}) {attributes}"]
    lines += [f"    -> {_tensor(graph.tensors[name])}" for name in op.outputs]
    return lines


def _tensor(tensor: Tensor) -> str:
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    quant = f" {_quant(tensor.quant)}" if tensor.quant is not None else ""
    data = f" = {value_text(tensor.data)}" if tensor.data is not None else ""
    return f"{tensor.name}: {tensor.dtype.value} {shape}{quant}{data}"


def _initial(state: State) -> str:
    return f"all {state.initial.flat[0]}" if state.is_uniform else value_text(state.initial)


def _quant(quant: QuantParams) -> str:
    axis = "" if quant.axis is None else f" axis {quant.axis}"
    return f"scale {value_text(quant.scale)} zero {value_text(quant.zero_point)}{axis}"


def value_text(value: object) -> str:
    """Return a short exact text of an attribute; arrays and long tuples by their SHA-256."""
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:12]
        return f"{value.dtype}{list(value.shape)}#{digest}"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {value_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        if len(value) > _SHOWN and not isinstance(value[0], tuple):
            digest = hashlib.sha256(repr(value).encode()).hexdigest()[:12]
            return f"({len(value)} values)#{digest}"
        return "(" + ", ".join(map(value_text, value)) + ")"
    if is_dataclass(value):
        inner = (f"{f.name}={value_text(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({', '.join(inner)})"
    return repr(value)
