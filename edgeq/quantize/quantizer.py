"""The quantizer on one screen: float graph and samples to the integer graph.

graph = edgeq.quantize.load_float("model.tflite")
integer = edgeq.quantize.quantize(graph, samples)
compiled = edgeq.compile(integer)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from edgeq import frontends
from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.quantize.adaround import adaptive
from edgeq.quantize.bias_correction import shift_of
from edgeq.quantize.calibrate import Progress, Sample, Statistics, calibrate
from edgeq.quantize.config import Config
from edgeq.quantize.convert import Codes, integer_graph, weights_only_graph
from edgeq.quantize.equalize import equalize
from edgeq.quantize.ranges import activation_params
from edgeq.quantize.rules import FixedCode, QuantPlan, plan_quantization, prepare
from edgeq.quantize.weights import Coded, code_weights, least_scales

DEFAULT = Config()


def load_float(path: str | Path) -> Graph:
    """Return the float graph of a model file; raise ``ModelError`` for one of integers."""
    graph = frontends.load(Path(path), allow_float=True)
    if not graph.is_float:
        raise ModelError("an integer network already", where=str(path))
    return graph


def quantize(
    graph: Graph,
    calibration: Iterable[Sample] = (),
    config: Config = DEFAULT,
    progress: Progress | None = None,
) -> Graph:
    """Return the quantized form of a float graph.

    ``calibration`` yields samples, each with one float32 array per input, of exactly the input's
    shape; it is read once, one sample at a time (about 100 samples suffice: Krishnamoorthi 2018,
    section 2). ``progress`` is called with the number of samples done. With
    ``config.weights_only`` the result is a float graph with integer weights, which the reference
    runs and no target compiles. Raise ``QuantizationError`` for options that contradict each
    other, no samples, or a range that collapses; ``ModelError`` for a sample that does not fit.
    """
    config.check()
    ready = prepare(graph)
    if config.equalize:
        ready = equalize(ready)
    plan = plan_quantization(ready, config)
    found = Statistics()
    if config.needs_calibration:
        found = calibrate(ready, plan, calibration, config, progress)
    codes = choose_codes(ready, plan, found, config)
    finish = weights_only_graph if config.weights_only else integer_graph
    return finish(ready, plan, codes, config)


def choose_codes(graph: Graph, plan: QuantPlan, found: Statistics, config: Config) -> Codes:
    """Return scales and codes of everything, from the statistics of a calibration."""
    activations: dict[str, QuantParams] = {}
    if not config.weights_only:
        activations = activation_codes(plan, found, config)
    biases = {
        index: graph.tensors[graph.ops[index].inputs[2]].array.astype(np.float64)
        for index in plan.layers
        if len(graph.ops[index].inputs) > 2
    }
    least: dict[str, np.ndarray | float] = {}
    if not config.weights_only:
        for index, bias in biases.items():
            x, w = graph.ops[index].inputs[:2]
            scales = least_scales(bias, activations[plan.groups[x]].scale[0], plan.weights[w])
            least[w] = np.maximum(least.get(w, 0.0), scales)
    weights = {
        name: code_weights(graph.tensors[name].array, axis, config, least.get(name, 0.0))
        for name, axis in plan.weights.items()
    }
    if config.adaround:
        weights |= _rounded(graph, plan, found, weights)
    if config.bias_correction:
        for index in plan.layers:
            op = graph.ops[index]
            rounded = weights[op.inputs[1]].reals
            shift = shift_of(graph, op, found.means[index], rounded)
            biases[index] = biases.get(index, np.zeros(1)) + shift
    return Codes(activations, weights, biases)


def _rounded(
    graph: Graph, plan: QuantPlan, found: Statistics, weights: Mapping[str, Coded]
) -> dict[str, Coded]:
    """Return the weights with adaptive rounding; layers that share some add their moments."""
    layers: dict[str, list[int]] = {}
    for index in plan.layers:
        layers.setdefault(graph.ops[index].inputs[1], []).append(index)
    chosen = {}
    for name, places in layers.items():
        op = graph.ops[places[0]]
        moments = np.sum([found.moments[index] for index in places], axis=0)
        w = graph.tensors[name].array
        chosen[name] = adaptive(op, graph.operands(op), w, weights[name], moments)
    return chosen


def activation_codes(plan: QuantPlan, found: Statistics, config: Config) -> dict[str, QuantParams]:
    """Return scale and zero point of each group of tensors."""
    codes = {name: _fixed(code, config.dtype) for name, code in plan.fixed.items()}
    for name, span in found.ranges.items():
        codes[name] = activation_params(
            span,
            config.dtype,
            symmetric=config.symmetric_activations,
            where=f"tensor '{name}'",
        )
    return codes


def _fixed(code: FixedCode, dtype: DType) -> QuantParams:
    scale, zero = code
    return QuantParams.per_tensor(scale, zero + (128 if dtype is DType.UINT8 else 0))
