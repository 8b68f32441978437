"""What a module holds of the graph it executes: steps, names of parameters, fixed numbers."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from edgeq.ir.graph import Graph, Operands
from edgeq.ops.base import Op
from edgeq.quantize.ranges import Range
from edgeq.quantize.rules import QuantPlan


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation of the plan; ``groups`` and ``seen`` are of its outputs.

    A group of -1 is not quantized here, one in ``seen`` not observed.
    """

    op: Op
    io: Operands
    groups: tuple[int, ...]
    seen: tuple[int, ...]


def program_of(graph: Graph, plan: QuantPlan, index: Mapping[str, int]) -> tuple[Step, ...]:
    """Return the operations with the groups of what they write; ``index`` numbers the groups."""
    rescaled = {at for at, _ in plan.conversions}
    steps = []
    for at, (op, io) in enumerate(graph.walk()):
        groups = [index[plan.groups[name]] if name in plan.groups else -1 for name in op.outputs]
        # What moves or selects codes leaves them as they are; padding brings a number of its own.
        fills = op.KIND == "pad" and op.value != 0  # type: ignore[attr-defined]
        moves = (not op.COMPUTES and not fills) or op.KIND == "max_pool2d"
        copies = at not in rescaled and moves
        within = at not in rescaled and op.SAME_QUANT
        none = (-1,) * len(groups)
        steps.append(
            Step(op, io, none if copies else tuple(groups), none if within else tuple(groups))
        )
    return tuple(steps)


def floor_of(graph: Graph, plan: QuantPlan) -> dict[str, Range]:
    """Return the range of the constants of each group, what padding writes included."""
    found: dict[str, Range] = {}

    def see(name: str, low: float, high: float) -> None:
        old = found.get(plan.groups[name], (0.0, 0.0))
        found[plan.groups[name]] = (min(old[0], low), max(old[1], high))

    for name in plan.groups:
        tensor = graph.tensors[name]
        if tensor.is_constant:
            see(name, float(tensor.array.min()), float(tensor.array.max()))
    for op in graph.ops:
        if op.KIND == "pad" and op.outputs[0] in plan.groups:
            value = float(op.value)  # type: ignore[attr-defined]
            see(op.outputs[0], value, value)
    return found


def keys_of(graph: Graph, plan: QuantPlan, norms: Container[int]) -> dict[str, str]:
    """Return the name of the parameter for each weight and bias; PyTorch's take no dots.

    Layers with a normalization have its shift for a bias.
    """
    operands = {i: graph.ops[i].inputs[1 : 2 if i in norms else None] for i in plan.layers}
    names = [name for group in operands.values() for name in group]
    keys: dict[str, str] = {}
    for name in dict.fromkeys(names):
        key = name.replace(".", "_") or "_"
        while key in keys.values():
            key += "_"
        keys[name] = key
    return keys


def buffer_name(graph: Graph, name: str) -> str:
    """Return what the module calls a constant that is no parameter."""
    return f"constant{list(graph.tensors).index(name)}"


def tensor_of(graph: Graph, name: str) -> Tensor:
    """Return a constant as a tensor of its own."""
    return torch.from_numpy(graph.tensors[name].array.copy())
