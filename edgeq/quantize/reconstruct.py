"""Repair layers in order, each against the errors of those before it.

Two runs go through the network side by side: the float one, and the one that the codes chosen so
far stand for. At each layer with weights, ``z = W x + b`` of the first is wanted, and the second
gives ``Wq x' + b`` with the input ``x'`` that it really has. Adaptive rounding (Nagel et al. 2020)
chooses ``Wq`` for the least squared difference; bias correction (Nagel et al. 2019, "Data-free
quantization", section 4.2) then makes its mean 0. When both are asked for, the first minimizes the
variance alone and leaves the mean to the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Graph, Operands
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import elements
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.quantize.adaround import Moments, adaptive
from edgeq.quantize.calibrate import Sample
from edgeq.quantize.config import Config
from edgeq.quantize.moments import input_vectors
from edgeq.quantize.ranges import to_codes, to_reals
from edgeq.quantize.rules import QuantPlan
from edgeq.quantize.weights import Coded

# What the values of both runs may take, and how many samples at most.
BUDGET = 256 << 20
MOST = 256

Values = dict[str, list[np.ndarray]]


def capacity(graph: Graph) -> int:
    """Return with how many samples layers are repaired: their values are in memory at once."""
    last = {name: at for at, op in enumerate(graph.ops) for name in op.inputs}
    live, peak = set(graph.inputs), 0
    for at, op in enumerate(graph.ops):
        live.update(op.outputs)
        peak = max(peak, sum(4 * elements(graph.tensors[name].shape) for name in live))
        live -= {name for name in op.inputs if last[name] == at}
    return max(1, min(MOST, BUDGET // (2 * peak)))


@dataclass(slots=True, eq=False)
class Repair:
    """Codes while they are being repaired: ``weights`` by name, ``biases`` by index."""

    graph: Graph
    plan: QuantPlan
    config: Config
    activations: Mapping[str, QuantParams]
    weights: dict[str, Coded]
    biases: dict[int, np.ndarray]
    floats: Values = field(default_factory=dict)
    rounded: Values = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)

    def run(self, samples: Sequence[Sample]) -> None:
        """Repair every layer with what both runs give on ``samples``."""
        self._start(samples)
        last = {name: at for at, op in enumerate(self.graph.ops) for name in op.inputs}
        for index, (op, io) in enumerate(self.graph.walk()):
            if index in self.plan.layers:
                outputs = [self._layer(index, op, io)]
            else:
                outputs = self._other(index, op, io)
            for name, (real, coded) in zip(op.outputs, outputs, strict=True):
                self.floats[name] = real
                self.rounded[name] = [self.coded(name, y) for y in coded]
            for name in op.inputs:
                if last[name] == index and not self.graph.tensors[name].is_constant:
                    self.floats.pop(name, None)
                    self.rounded.pop(name, None)

    def coded(self, name: str, x: np.ndarray, group: str | None = None) -> np.ndarray:
        """Return ``x`` rounded to the codes of a tensor, in real numbers."""
        params = self.activations.get(group or self.plan.groups.get(name, ""))
        if params is None:
            return x
        dtype = self.config.activation_dtype
        return to_reals(to_codes(x, params, dtype.min, dtype.max), params)

    def _start(self, samples: Sequence[Sample]) -> None:
        count = len(samples)
        for place, name in enumerate(self.graph.inputs):
            self.floats[name] = [sample[place] for sample in samples]
            self.rounded[name] = [self.coded(name, sample[place]) for sample in samples]
        for name, tensor in self.graph.tensors.items():
            if tensor.is_constant:
                self.floats[name] = [tensor.array] * count
                self.rounded[name] = [self.coded(name, tensor.array)] * count

    def _other(
        self, index: int, op: Op, io: Operands
    ) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Return what both runs give for an operation without weights, by output."""
        group = self.plan.groups.get(op.outputs[0])
        rescaled = {place for at, place in self.plan.conversions if at == index}
        ends: list[list[tuple[np.ndarray, ...]]] = []
        for values in (self.floats, self.rounded):
            columns = [values[name] for name in op.inputs]
            if values is self.rounded:
                for place in rescaled:
                    columns[place] = [
                        self.coded(op.inputs[place], x, group) for x in columns[place]
                    ]
            ends.append([op.evaluate_float(io, row) for row in zip(*columns, strict=True)])
        return [
            ([row[at] for row in ends[0]], [row[at] for row in ends[1]])
            for at in range(len(op.outputs))
        ]

    def _layer(self, index: int, op: Op, io: Operands) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Repair one layer; return what both runs give for it."""
        layer: Any = op  # every layer with weights has an activation
        activation: Activation = layer.activation
        linear = replace(layer, activation=Activation.NONE)
        exact = [io.ins[1].array, *([io.ins[2].array] if len(io.ins) > 2 else [])]
        wanted = [linear.evaluate_float(io, [x, *exact])[0] for x in self.floats[op.inputs[0]]]
        inputs = self.rounded[op.inputs[0]]
        name = op.inputs[1]
        if self.config.adaround and name not in self.finished:
            given = [linear.evaluate_float(io, [x, *exact])[0] for x in inputs]
            errors = [g - w for g, w in zip(given, wanted, strict=True)]
            found = _moments(op, io, inputs, errors, centred=self.config.bias_correction)
            self.weights[name] = adaptive(op, io, io.ins[1].array, self.weights[name], found)
        self.finished.add(name)
        mended = replace(io, ins=(io.ins[0], replace(io.ins[1], data=self.weights[name].reals)))
        outputs = [linear.evaluate_float(mended, [x, mended.ins[1].array])[0] for x in inputs]
        bias = self.biases.get(index, np.zeros(1))
        if self.config.bias_correction:
            bias = bias + _mean_difference(wanted, outputs, bias)
            self.biases[index] = bias
        finished = [activation.apply_float((y + bias).astype(np.float32)) for y in outputs]
        return [activation.apply_float(z) for z in wanted], finished


def _mean_difference(
    wanted: Sequence[np.ndarray], outputs: Sequence[np.ndarray], bias: np.ndarray
) -> np.ndarray:
    """Return the mean of ``wanted - (outputs + bias)`` by channel."""
    total = np.zeros(wanted[0].shape[-1])
    for z, y in zip(wanted, outputs, strict=True):
        difference = z.astype(np.float64) - y - bias
        total += difference.reshape(-1, difference.shape[-1]).mean(axis=0)
    mean: np.ndarray = total / len(wanted)
    return mean


def _moments(
    op: Op,
    io: Operands,
    inputs: Sequence[np.ndarray],
    errors: Sequence[np.ndarray],
    *,
    centred: bool,
) -> Moments:
    """Return the moments of a layer's inputs, and their products with the error it has already.

    ``centred`` takes the means off both.
    """
    squares: Any = 0
    products: Any = 0
    v_sum: Any = 0
    e_sum: Any = 0
    count = 0
    for x, error in zip(inputs, errors, strict=True):
        vectors = input_vectors(op, io, x)
        groups, rows = vectors.shape[:2]
        e = error.reshape(rows, groups, -1).transpose(1, 0, 2)
        squares = squares + np.matmul(vectors.transpose(0, 2, 1), vectors).astype(np.float64)
        products = products + np.matmul(e.transpose(0, 2, 1), vectors).astype(np.float64)
        v_sum = v_sum + vectors.sum(axis=1, dtype=np.float64)
        e_sum = e_sum + e.sum(axis=1, dtype=np.float64)
        count += rows
    squares, products = squares / count, products / count
    if centred:
        v, e = v_sum / count, e_sum / count
        squares = squares - v[:, :, np.newaxis] * v[:, np.newaxis, :]
        products = products - e[:, :, np.newaxis] * v[:, np.newaxis, :]
    return Moments(squares, products, count)
