"""Where quantization loses: signal to noise, clipping and channel ranges of every layer.

``SQNR = 10 log10(sum(x^2) / sum((x - xq)^2))`` in decibels (Krishnamoorthi 2018, appendix A).
*Isolated* is a layer with float inputs of which only its own weights and output are rounded;
*accumulated* is the tensor of the integer network, with the errors of all layers before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from edgeq import reference
from edgeq.errors import QuantizationError
from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ops.base import Op
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.quantize.calibrate import Sample
from edgeq.quantize.equalize import DEAD
from edgeq.quantize.ranges import to_codes, to_reals
from edgeq.quantize.rules import prepare


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """One layer: decibels, the share of its outputs that are clipped, and its weights' ranges.

    ``channel_ratio`` is the largest over the smallest range of the weights' output channels, those
    that are switched off left out, and ``None`` for a layer without weights.
    """

    layer: str
    kind: str
    tensor: str
    isolated: float
    accumulated: float
    clipped: float
    channel_ratio: float | None

    def facts(self) -> dict[str, object]:
        """Return plain data for ``--json``."""
        return asdict(self)


@dataclass(slots=True)
class _Sums:
    energy: float = 0.0
    isolated: float = 0.0
    accumulated: float = 0.0
    clipped: int = 0
    elements: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Explainer:
    floats: Graph
    integers: Graph
    sums: dict[str, _Sums] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        """Run both networks on one sample and add up their differences."""
        wanted = reference.run_tensors(self.floats, sample)
        found = self._integer_values(sample)
        for op, io in self.floats.walk():
            y = self.integers.tensors.get(op.outputs[0])
            if y is None or y.quant is None:
                continue
            x = wanted[y.name].astype(np.float64)
            sums = self.sums.setdefault(y.name, _Sums())
            alone = _rounded(self._isolated(op, io, wanted), y)
            sums.energy += float((x**2).sum())
            sums.isolated += float(((x - alone) ** 2).sum())
            sums.accumulated += float(((x - _reals(found[y.name], y)) ** 2).sum())
            sums.clipped += int(np.count_nonzero(_is_outside(x, y)))
            sums.elements += x.size

    def _integer_values(self, sample: Sample) -> dict[str, np.ndarray]:
        inputs = []
        for name, x in zip(self.integers.inputs, sample, strict=True):
            tensor = self.integers.tensors[name]
            inputs.append(x if tensor.quant is None else _codes(x, tensor))
        return reference.run_tensors(self.integers, inputs)

    def _isolated(self, op: Op, io: Operands, values: dict[str, np.ndarray]) -> np.ndarray:
        """Return the layer's float output with nothing rounded but its own weights."""
        arrays = [values[name] for name in op.inputs]
        if op.WEIGHTS_AXIS is not None:
            arrays[1] = _reals(self.integers.tensors[op.inputs[1]].array, self._tensor(op, 1))
        return op.evaluate_float(io, arrays)[0]

    def _tensor(self, op: Op, place: int) -> Tensor:
        return self.integers.tensors[op.inputs[place]]


def explain(graph: Graph, integer: Graph, samples: Iterable[Sample]) -> tuple[LayerLoss, ...]:
    """Return the losses of each layer of ``integer``, the worst isolated one first.

    ``graph`` is the float graph that it was made from (the equalized one, if it was equalized);
    layers are matched by the names of their outputs. ``samples`` are as for ``quantize``, one in
    memory at a time. Layers that share no tensor with the float graph (rescaling between codes)
    are left out. Raise ``QuantizationError`` without samples, or for a graph whose activations
    have no codes.
    """
    ready = prepare(graph)
    if integer.is_float:
        raise QuantizationError("activations have no codes: there is nothing to explain")
    explainer = _Explainer(ready, lower_arithmetic(integer))
    for sample in samples:
        explainer.add(sample)
    if not explainer.sums:
        raise QuantizationError("there are no samples to explain the loss with")
    losses = [_loss(op, io, explainer.sums) for op, io in ready.walk()]
    return tuple(sorted((loss for loss in losses if loss), key=lambda loss: loss.isolated))


def _loss(op: Op, io: Operands, sums: dict[str, _Sums]) -> LayerLoss | None:
    found = sums.get(op.outputs[0])
    if found is None:
        return None
    return LayerLoss(
        op.source or op.KIND,
        op.KIND,
        op.outputs[0],
        _decibels(found.energy, found.isolated),
        _decibels(found.energy, found.accumulated),
        found.clipped / found.elements,
        None if op.WEIGHTS_AXIS is None else _ratio(io.ins[1].array, op.WEIGHTS_AXIS),
    )


def _decibels(energy: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(energy / noise) if energy > 0 else -math.inf


def _ratio(w: np.ndarray, axis: int) -> float:
    others = tuple(i for i in range(w.ndim) if i != axis)
    extents = np.abs(w.astype(np.float64)).max(axis=others)
    alive = extents[extents > DEAD * extents.max(initial=0)]
    return float(alive.max() / alive.min()) if alive.size else 1.0


def _codes(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    quant = tensor.quant
    if quant is None:
        return x
    codes = to_codes(x, quant, tensor.dtype.min, tensor.dtype.max)
    return codes.astype(tensor.dtype.numpy)


def _reals(codes: np.ndarray, tensor: Tensor) -> np.ndarray:
    return codes if tensor.quant is None else to_reals(codes, tensor.quant)


def _rounded(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    return _reals(_codes(x, tensor), tensor)


def _is_outside(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Tell which values lie more than half a step beyond the codes."""
    low, high = tensor.dtype.min - 0.5, tensor.dtype.max + 0.5
    steps = x / tensor.scale + tensor.zero_point
    outside: np.ndarray = (steps < low) | (steps > high)
    return outside
