"""The quantizer on one screen: float graph and samples to the integer graph.

graph = edgeq.quantize.load_float("model.tflite")
integer = edgeq.quantize.quantize(graph, samples)
compiled = edgeq.compile(integer)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from edgeq import frontends
from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.quantize.calibrate import Progress, Sample, calibrate, checked
from edgeq.quantize.codes import plain_codes
from edgeq.quantize.config import Config
from edgeq.quantize.convert import Codes, integer_graph, weights_only_graph
from edgeq.quantize.equalize import equalize
from edgeq.quantize.ranges import Range
from edgeq.quantize.reconstruct import Repair, capacity
from edgeq.quantize.rules import QuantPlan, plan_quantization, prepare

DEFAULT = Config()
EQUALIZED_WITH = 32  # samples: they only tell how far values reach


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
    section 2). Repairs keep the first samples in memory, as many as ``capacity`` says.
    ``progress`` is called with the number of samples done. With
    ``config.weights_only`` the result is a float graph with integer weights, which the reference
    runs and no target compiles. Raise ``QuantizationError`` for options that contradict each
    other, no samples, or a range that collapses; ``ModelError`` for a sample that does not fit.
    """
    config.check()
    ready, kept, rest = make_ready(graph, calibration, config)
    plan = plan_quantization(ready, config)
    ranges: dict[str, Range] = {}
    if config.needs_calibration:
        ranges = calibrate(ready, plan, chain(kept, rest), config, progress)
    codes = choose_codes(ready, plan, ranges, kept, config)
    finish = weights_only_graph if config.weights_only else integer_graph
    return finish(ready, plan, codes, config)


def make_ready(
    graph: Graph, calibration: Iterable[Sample], config: Config
) -> tuple[Graph, list[Sample], Iterator[Sample]]:
    """Return the float graph as it is quantized, the samples kept for repairs, and the others."""
    ready = prepare(graph)
    samples = iter(calibration)
    if not config.is_repaired:
        return ready, [], samples
    first = enumerate(islice(samples, capacity(ready)))
    kept = [checked(ready, sample, index) for index, sample in first]
    if config.equalize:
        ready = equalize(ready, kept[:EQUALIZED_WITH])
    return ready, kept, samples


def choose_codes(
    graph: Graph,
    plan: QuantPlan,
    ranges: Mapping[str, Range],
    kept: Sequence[Sample],
    config: Config,
) -> Codes:
    """Return scales and codes of everything, from the ranges of a calibration."""
    found = plain_codes(graph, plan, ranges, config)
    weights, biases = dict(found.weights), dict(found.biases)
    if config.adaround or config.bias_correction:
        Repair(graph, plan, config, found.activations, weights, biases).run(kept)
    return Codes(found.activations, weights, biases)
