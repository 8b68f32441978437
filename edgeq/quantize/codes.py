"""Ranges to scales and codes of a whole network, with nothing repaired."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops._lookup import S16_OUTPUT
from edgeq.quantize.config import Config
from edgeq.quantize.convert import Codes
from edgeq.quantize.ranges import Range, activation_params
from edgeq.quantize.rules import FixedCode, QuantPlan
from edgeq.quantize.weights import code_weights, least_scales

EIGHT: Mapping[str, int] = MappingProxyType({})
FREE: Mapping[str, np.ndarray] = MappingProxyType({})


def plain_codes(
    graph: Graph,
    plan: QuantPlan,
    ranges: Mapping[str, Range],
    config: Config,
    bits: Mapping[str, int] = EIGHT,
    steps: Mapping[str, np.ndarray] = FREE,
) -> Codes:
    """Return scales and codes of activations, weights and biases.

    ``ranges`` are those of the observed groups; ``bits`` are of groups with fewer than 8;
    ``steps`` are scales of weights, by name, that training has found.
    """
    activations: dict[str, QuantParams] = {}
    if not config.weights_only:
        activations = activation_codes(plan, ranges, config, bits)
    biases = {
        index: graph.tensors[graph.ops[index].inputs[2]].array.astype(np.float64)
        for index in plan.layers
        if len(graph.ops[index].inputs) > 2
    }
    least: dict[str, np.ndarray | float] = {}
    for index, bias in biases.items() if activations else ():
        x, w = graph.ops[index].inputs[:2]
        x_scale = activations[plan.groups[x]].scale[0]
        scales = least_scales(bias, x_scale, plan.weights[w], config.bias_dtype)
        least[w] = np.maximum(least.get(w, 0.0), scales)
    weights = {
        name: code_weights(
            graph.tensors[name].array, axis, config, least.get(name, 0.0), steps.get(name)
        )
        for name, axis in plan.weights.items()
    }
    return Codes(activations, weights, biases)


def activation_codes(
    plan: QuantPlan, ranges: Mapping[str, Range], config: Config, bits: Mapping[str, int] = EIGHT
) -> dict[str, QuantParams]:
    """Return scale and zero point of each group of tensors."""
    codes = {name: fixed_code(code, config.activation_dtype) for name, code in plan.fixed.items()}
    for name, span in ranges.items():
        codes[name] = activation_params(
            span,
            config.activation_dtype,
            symmetric=config.centred_activations,
            where=f"tensor '{name}'",
            bits=bits.get(name, config.activation_bits),
        )
    return codes


def fixed_code(code: FixedCode, dtype: DType) -> QuantParams:
    """Return the one code that an operation's output has in a type."""
    if dtype is DType.INT16:
        return QuantParams.per_tensor(*S16_OUTPUT)
    scale, zero = code
    return QuantParams.per_tensor(scale, zero + (128 if dtype is DType.UINT8 else 0))
