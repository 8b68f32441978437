"""The rules of quantization: a float graph to a plan, whoever then executes it.

What an operation demands stands in its own file (``SAME_QUANT``, ``FIXED_OUTPUT``,
``WEIGHTS_AXIS``); here the demands of a whole network are joined:

* Activations have one scale and zero point per tensor. Weights have one, or one per output
  channel (Krishnamoorthi 2018, section 2); biases are int32 at input scale times weight scale
  (Jacob et al. 2017, section 2.4).
* Tensors that an operation only moves, pools or joins share one range (Jacob et al., A.3).
* Softmax, logistic and tanh have outputs of a fixed code. Where such a tensor is joined with
  others, it is rescaled to theirs.
* An activation that follows an operation is its clamp, and the tensor between has no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph, Operands
from edgeq.ops.base import Op
from edgeq.passes.pipeline import FLOAT_PIPELINE, run_passes
from edgeq.quantize.config import Config

FixedCode = tuple[float, int]  # scale, int8 zero point
Place = tuple[int, int]  # index of an operation, index of one of its inputs


@dataclass(frozen=True, slots=True)
class QuantPlan:
    """What is quantized, and how; ranges are still to be found.

    ``groups`` maps each float tensor that becomes codes to the one that names its group: one
    group, one scale and zero point. ``fixed`` are the groups whose code is given. ``weights``
    maps each weight tensor to the dimension that has a scale per channel, or ``None`` for one
    scale. ``layers`` are the indices of the operations with weights. ``conversions`` are inputs
    that need rescaling to the group of their operation's output.
    """

    groups: Mapping[str, str]
    fixed: Mapping[str, FixedCode]
    weights: Mapping[str, int | None]
    layers: tuple[int, ...]
    conversions: tuple[Place, ...]

    def observed(self) -> tuple[str, ...]:
        """Return the groups whose range must be found."""
        return tuple(name for name in dict.fromkeys(self.groups.values()) if name not in self.fixed)


def prepare(graph: Graph) -> Graph:
    """Return a float graph as it is quantized: constants folded, pads and activations fused.

    Factors and summands per channel (batch normalization) join the layer before them, and hard
    swish spelled out becomes one operation, whatever file the network came from. Raise
    ``ModelError`` for constants with NaN or infinity, and ``UnsupportedError`` for a graph that is
    not in floating point throughout, or that remembers something between runs.
    """
    graph = run_passes(graph, FLOAT_PIPELINE)
    refuse_states(graph)
    for tensor in graph.tensors.values():
        if tensor.dtype.is_float and tensor.data is not None:
            if not np.isfinite(tensor.data).all():
                raise ModelError("holds NaN or infinity", where=f"constant '{tensor.name}'")
        elif tensor.quant is not None:
            raise UnsupportedError(
                f"tensor '{tensor.name}' has a scale already",
                hint="only networks that are in floating point throughout can be quantized",
            )
    return graph


def refuse_states(graph: Graph) -> None:
    """Raise ``UnsupportedError`` for a graph whose samples depend on the ones before."""
    if graph.states:
        raise UnsupportedError(
            f"it remembers '{graph.states[0].name}' from one run to the next",
            hint="networks with state compile, but cannot be quantized or trained here",
        )


def plan_quantization(graph: Graph, config: Config) -> QuantPlan:
    """Return the plan of a prepared float graph; nothing is computed yet."""
    found = _Groups({}, {})
    weights: dict[str, int | None] = {}
    layers, conversions = [], []
    for name in graph.inputs:
        found.add(graph, name)
    for index, (op, io) in enumerate(graph.walk()):
        inputs = op.inputs
        if op.WEIGHTS_AXIS is not None:
            _check_layer(op, io)
            weights[op.inputs[1]] = op.WEIGHTS_AXIS if config.per_channel else None
            layers.append(index)
            inputs = op.inputs[:1]
        for name in (*inputs, *op.outputs):
            found.add(graph, name)
        if op.FIXED_OUTPUT is not None:
            found.fixed[op.outputs[0]] = op.FIXED_OUTPUT
        if op.SAME_QUANT:
            conversions += [(index, place) for place in found.join(graph, op)]
    groups = {name: found.root(name) for name in found.parents}
    _check_weights_alone(weights, groups)
    return QuantPlan(groups, found.fixed, weights, tuple(layers), tuple(conversions))


@dataclass(frozen=True, slots=True)
class _Groups:
    """Sets of tensors with one code: a forest, ``parents`` towards the tensor that names a set."""

    parents: dict[str, str]
    fixed: dict[str, FixedCode]

    def add(self, graph: Graph, name: str) -> None:
        if graph.tensors[name].dtype.is_float:
            self.parents.setdefault(name, name)

    def root(self, name: str) -> str:
        while self.parents[name] != name:
            name = self.parents[name]
        return name

    def join(self, graph: Graph, op: Op) -> list[int]:
        """Join what ``op`` reads and writes; return the inputs that keep a fixed code instead."""
        kept = []
        for place, name in enumerate(op.inputs):
            if not graph.tensors[name].dtype.is_float:
                continue
            if len(op.inputs) > 1 and self.root(name) in self.fixed:
                kept.append(place)
                continue
            for output in op.outputs:
                # Towards the earlier tensor: it holds the fixed code, if there is one.
                self.parents[self.root(output)] = self.root(name)
        return kept


def _check_layer(op: Op, io: Operands) -> None:
    for tensor in io.ins[1:]:
        if not tensor.is_constant:
            raise UnsupportedError(f"weights '{tensor.name}' are not constant", where=op.source)


def _check_weights_alone(weights: Mapping[str, int | None], groups: Mapping[str, str]) -> None:
    both = [name for name in weights if name in groups]
    if both:
        raise UnsupportedError(f"constant '{both[0]}' is weights here and an operand there")
