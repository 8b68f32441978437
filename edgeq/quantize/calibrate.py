"""Run the float network on samples and keep what quantization needs of them.

One pass over the samples, one sample in memory at a time. Besides ranges it can keep, for each
layer with weights, the mean of its input (for bias correction) and the second moments of what
each output sees (for adaptive rounding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgeq import reference
from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph
from edgeq.quantize.config import Config
from edgeq.quantize.moments import add_moments
from edgeq.quantize.observers import Observer, observer
from edgeq.quantize.ranges import Range
from edgeq.quantize.rules import QuantPlan

Sample = Sequence[np.ndarray]
Progress = Callable[[int], None]


@dataclass(slots=True, eq=False)
class Statistics:
    """What calibration found: ``ranges`` by group; means and moments by index of the layer.

    ``means`` are mean inputs, of the input's shape. ``moments`` are means of ``v v^T`` over the
    vectors ``v`` that the layer multiplies by its weights, [groups, K, K].
    """

    samples: int = 0
    ranges: Mapping[str, Range] = field(default_factory=dict)
    means: dict[int, np.ndarray] = field(default_factory=dict)
    moments: dict[int, np.ndarray] = field(default_factory=dict)


def calibrate(
    graph: Graph,
    plan: QuantPlan,
    samples: Iterable[Sample],
    config: Config,
    progress: Progress | None = None,
) -> Statistics:
    """Return the statistics of a prepared float graph over ``samples``.

    Each sample has one float32 array per input, of exactly the input's shape; ``progress`` is
    called with the number of samples done. Raise ``ModelError`` for a sample that does not fit,
    and ``QuantizationError`` where there is none or the network overflows.
    """
    observers = {name: observer(config) for name in plan.observed()}
    _see_constants(graph, plan, observers)
    found = Statistics()
    for sample in samples:
        values = _run(graph, sample, found.samples)
        _see(graph, plan, observers, values)
        _keep(graph, plan, found, values, config)
        found.samples += 1
        if progress is not None:
            progress(found.samples)
    if not found.samples:
        raise QuantizationError("the calibration data holds no samples")
    for sums in (found.means, found.moments):
        for total in sums.values():
            total /= found.samples
    found.ranges = {name: seen.range() for name, seen in observers.items()}
    return found


def _run(graph: Graph, sample: Sample, index: int) -> dict[str, np.ndarray]:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return reference.run_tensors(graph, sample)
    except ModelError as error:
        raise error.at(f"calibration sample {index}") from None


def _see_constants(graph: Graph, plan: QuantPlan, observers: Mapping[str, Observer]) -> None:
    for name, group in plan.groups.items():
        tensor = graph.tensors[name]
        if tensor.is_constant and group in observers:
            observers[group].see(tensor.array)


def _see(
    graph: Graph,
    plan: QuantPlan,
    observers: Mapping[str, Observer],
    values: Mapping[str, np.ndarray],
) -> None:
    for name, group in plan.groups.items():
        if graph.tensors[name].is_constant or group not in observers:
            continue
        if not np.isfinite(values[name]).all():
            raise QuantizationError(
                "the float network gives NaN or infinity", where=f"tensor '{name}'"
            )
        observers[group].see(values[name])


def _keep(
    graph: Graph,
    plan: QuantPlan,
    found: Statistics,
    values: Mapping[str, np.ndarray],
    config: Config,
) -> None:
    for index in plan.layers:
        op = graph.ops[index]
        x = values[op.inputs[0]]
        if config.bias_correction:
            found.means[index] = found.means.get(index, 0) + x.astype(np.float64)
        if config.adaround:
            add_moments(found.moments, index, op, graph.operands(op), x)
