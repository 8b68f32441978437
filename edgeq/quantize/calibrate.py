"""Run the float network on samples and keep what quantization needs of them.

One pass over the samples, one sample in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from edgeq import reference
from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph
from edgeq.quantize.config import Config
from edgeq.quantize.observers import Observer, observer
from edgeq.quantize.ranges import Range
from edgeq.quantize.rules import QuantPlan

Sample = Sequence[np.ndarray]
Progress = Callable[[int], None]


def calibrate(
    graph: Graph,
    plan: QuantPlan,
    samples: Iterable[Sample],
    config: Config,
    progress: Progress | None = None,
) -> dict[str, Range]:
    """Return the range of each group of tensors of a prepared float graph over ``samples``.

    Each sample has one float32 array per input, of exactly the input's shape; ``progress`` is
    called with the number of samples done. Raise ``ModelError`` for a sample that does not fit,
    and ``QuantizationError`` where there is none or the network overflows.
    """
    observers = {name: observer(config) for name in plan.observed()}
    _see_constants(graph, plan, observers)
    count = 0
    for sample in samples:
        _see(graph, plan, observers, _run(graph, sample, count))
        count += 1
        if progress is not None:
            progress(count)
    if not count:
        raise QuantizationError("the calibration data holds no samples")
    return {name: seen.range() for name, seen in observers.items()}


def checked(graph: Graph, sample: Sample, index: int) -> Sample:
    """Return sample ``index``; raise ``ModelError`` with its number when it does not fit."""
    try:
        reference.check_inputs(graph, sample)
    except ModelError as error:
        raise error.at(f"calibration sample {index}") from None
    return sample


def _run(graph: Graph, sample: Sample, index: int) -> dict[str, np.ndarray]:
    with np.errstate(over="ignore", invalid="ignore"):
        return reference.run_tensors(graph, checked(graph, sample, index))


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
