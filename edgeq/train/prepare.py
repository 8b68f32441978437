"""A float network to the module that trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.quantize.rules import QuantPlan, plan_quantization
from edgeq.quantize.rules import prepare as ready
from edgeq.train.batch_norm import BatchNorm, with_norms
from edgeq.train.config import Config
from edgeq.train.float_ops import FLOAT_OPS
from edgeq.train.module import QuantModule
from edgeq.train.movement import described, mixes_samples

DEFAULT = Config()


def prepare(
    network: Any,
    config: Config = DEFAULT,
    example_inputs: tuple[Any, ...] | None = None,
    batch_norms: Mapping[str, BatchNorm] | None = None,
) -> QuantModule:
    """Return an ordinary PyTorch module that executes ``network`` with simulated quantization.

    ``network`` is a float ``Graph`` with a batch of 1, or a PyTorch module together with
    ``example_inputs``. ``batch_norms`` gives layers of a graph, by the name of their weights, a
    batch normalization that follows them; those of a PyTorch module are found. Raise
    ``UnsupportedError`` that lists all operations which cannot be trained.
    """
    config.check()
    if not isinstance(network, Graph):
        from edgeq.train.exported import graph_of

        network, found = graph_of(network, example_inputs)
        batch_norms = {**found, **(batch_norms or {})}
    graph, norms = with_norms(ready(network), batch_norms or {})
    plan = plan_quantization(graph, config.post_training)
    _check(graph)
    return QuantModule(graph, plan, config, norms, narrow_groups(graph, plan, config))


def narrow_groups(graph: Graph, plan: QuantPlan, config: Config) -> dict[str, int]:
    """Return the bits of the groups that have fewer than 8: all but those of inputs and outputs."""
    if config.activation_bits == 8:
        return {}
    ports = {plan.groups[name] for name in (*graph.inputs, *graph.outputs) if name in plan.groups}
    return {name: config.activation_bits for name in plan.observed() if name not in ports}


def _check(graph: Graph) -> None:
    unknown = sorted({op.KIND for op in graph.ops if op.KIND not in FLOAT_OPS})
    if unknown:
        raise UnsupportedError(
            f"operations without a gradient here: {', '.join(unknown)}",
            hint="supported: " + ", ".join(sorted(FLOAT_OPS)),
        )
    mixed = [described(op) for op, io in graph.walk() if mixes_samples(op, io)]
    if mixed:
        raise UnsupportedError(
            "operations that do not keep the samples of a batch apart: " + ", ".join(mixed),
            hint="training needs a network whose first dimension is a batch of 1 throughout",
        )
    for name in graph.inputs:
        if not graph.tensors[name].dtype.is_float:
            raise ModelError(f"input '{name}' is not in floating point")
