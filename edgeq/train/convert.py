"""A trained module to the integer network: the code of post-training quantization, other ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import Tensor

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.quantize.codes import plain_codes
from edgeq.quantize.convert import float_ports, integer_graph
from edgeq.train.batch_norm import Folded
from edgeq.train.module import QuantModule
from edgeq.train.narrow import narrowed


def convert(module: QuantModule) -> Graph:
    """Return the integer network, as training has left weights and ranges.

    ``edgeq.compile`` and ``edgeq.save`` take it. Raise ``QuantizationError`` before any range was
    seen and where one has collapsed to 0 or exploded; ``ModelError`` for weights that are NaN.
    """
    ranges = module.ranges.get()
    graph, plan, bits = float_graph(module), module.plan, module.bits
    wishes = replace(module.config.post_training, float_io=False)
    steps = {
        name: module.weight_steps[key].detach().cpu().numpy()
        for name, key in module.keys.items()
        if key in module.weight_steps
    }
    codes = plain_codes(graph, plan, ranges, wishes, bits, steps)
    built = narrowed(integer_graph(graph, plan, codes, wishes), plan, bits)
    return float_ports(built, wishes) if module.config.float_io else built


def float_graph(module: QuantModule) -> Graph:
    """Return the float network with the trained weights, batch normalization folded into them."""
    tensors = dict(module.graph.tensors)

    def put(name: str, value: Tensor) -> None:
        if not bool(value.isfinite().all()):
            raise ModelError("holds NaN or infinity", where=f"weights '{name}'")
        tensors[name] = replace(tensors[name], data=value.detach().float().cpu().numpy())

    for name, key in module.keys.items():
        put(name, module.constants[key])
    for index, norm in module.norms.items():
        _, w, bias = module.graph.ops[int(index)].inputs
        weights, shift = cast(Folded, norm).folded(module.constants[module.keys[w]])
        put(w, weights)
        put(bias, shift)
    return replace(module.graph, tensors=tensors)
