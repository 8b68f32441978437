"""A float network to the module that trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.quantize.rules import QuantPlan, plan_quantization
from edgeq.quantize.rules import prepare as ready
from edgeq.train.batch_norm import BatchNorm, with_norms
from edgeq.train.config import MAX_BITS, Config
from edgeq.train.convert import float_graph
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
    if isinstance(network, Graph):
        return _module(network, config, batch_norms or {})
    from edgeq.train.exported import check_export, graph_of

    graph, found = graph_of(network, example_inputs)
    module = _module(graph, config, {**found, **(batch_norms or {})})
    check_export(network, float_graph(module), example_inputs or ())
    return module


def _module(graph: Graph, config: Config, batch_norms: Mapping[str, BatchNorm]) -> QuantModule:
    graph, norms = with_norms(ready(graph), batch_norms)
    plan = plan_quantization(graph, config.post_training)
    _check(graph)
    return QuantModule(graph, plan, config, norms, narrow_groups(graph, plan, config))


def narrow_groups(graph: Graph, plan: QuantPlan, config: Config) -> dict[str, int]:
    """Return the bits of the groups that have fewer than 8: all but those of inputs and outputs."""
    if config.activation_bits >= MAX_BITS:
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
