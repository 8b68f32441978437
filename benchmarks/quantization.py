"""What quantization costs: networks with real data, in float, as published in int8, and by edgeq.

Integer networks run as compiled C on this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from common import model_path
from quantization_tasks import TASKS, Run, Task

import edgeq
from edgeq import reference
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.quantize import Config, load_float, quantize
from edgeq.quantize.ranges import to_codes, to_reals

LAYER = Config(per_channel=False)
UINT8 = Config(dtype=DType.UINT8, per_channel=False, symmetric_weights=False)

CONFIGS: Mapping[str, Config] = {
    "per channel, min-max": Config(),
    "per channel, moving average": Config(observer="average"),
    "per channel, percentile 99.99": Config(observer="percentile"),
    "per channel, entropy": Config(observer="entropy"),
    "per channel, least error": Config(observer="mse"),
    "per channel, symmetric activations": Config(symmetric_activations=True),
    "per layer": LAYER,
    "per layer, asymmetric weights": replace(LAYER, symmetric_weights=False),
    "per layer, uint8, asymmetric weights": UINT8,
    "per layer, equalized": replace(LAYER, equalize=True),
    "per layer, bias correction": replace(LAYER, bias_correction=True),
    "per channel, bias correction": Config(bias_correction=True),
    "per channel, adaptive rounding": Config(adaround=True),
    "4-bit weights": Config(weight_bits=4),
    "4-bit weights, bias correction": Config(weight_bits=4, bias_correction=True),
    "4-bit weights, adaptive rounding": Config(weight_bits=4, adaround=True),
    "4-bit weights, both": Config(weight_bits=4, adaround=True, bias_correction=True),
    "4-bit weights, per layer": replace(LAYER, weight_bits=4),
}
WEIGHTS_ONLY: Mapping[str, Config] = {
    "weights only, per layer, asymmetric": replace(
        LAYER, symmetric_weights=False, weights_only=True
    ),
    "weights only, per channel": Config(weights_only=True),
    "weights only, per channel, asymmetric": Config(symmetric_weights=False, weights_only=True),
}


def float_run(graph: Graph) -> Run:
    """Return the float network in NumPy."""
    return lambda x: reference.run(graph, (x,))[0]


def integer_run(graph: Graph) -> Run:
    """Return the integer network as C, from real inputs to real outputs."""
    compiled = edgeq.compile(graph)
    (x, y) = (graph.tensors[names[0]] for names in (graph.inputs, graph.outputs))
    if x.quant is None or y.quant is None:
        raise SystemExit("the network has no codes at its ends")
    x_code, y_code = x.quant, y.quant

    def run(real: np.ndarray) -> np.ndarray:
        codes = to_codes(real, x_code, x.dtype.min, x.dtype.max).astype(x.dtype.numpy)
        return to_reals(np.asarray(compiled(codes)), y_code)

    return run


def measured(task: Task, label: str, run: Run, limit: int | None = None) -> None:
    """Print how well a network does."""
    begin = time.perf_counter()
    inputs = task.inputs[:limit]
    score = task.score(inputs, np.stack([run(x) for x in inputs]))
    seconds = time.perf_counter() - begin
    print(f"| {task.name} | {label} | {score:.4f} | {len(inputs)} | {seconds:.0f} s |", flush=True)


def main() -> None:
    """Print one table of the chosen networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(TASKS), help=", ".join(TASKS))
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs to measure on, at most")
    parser.add_argument("--calibration", type=int, default=200, help="samples to calibrate with")
    parser.add_argument("--float-inputs", type=int, help="fewer inputs for networks in NumPy")
    parser.add_argument("--all", action="store_true", help="every option, not the default alone")
    given = parser.parse_args()
    unknown = set(given.networks) - set(TASKS)
    if unknown:
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}")
    print("| network | how | score | inputs | time |\n|---|---|---|---|---|")
    for name in given.networks:
        task = TASKS[name](given.inputs, given.calibration)
        graph = load_float(model_path(task.float_model))
        official = edgeq.load(model_path(task.official))
        measured(task, f"float32, NumPy ({task.metric})", float_run(graph), given.float_inputs)
        measured(task, "int8 as published", integer_run(official))
        chosen = CONFIGS if given.all else {"per channel, min-max": Config()}
        for label, config in chosen.items():
            samples = ((x,) for x in task.calibration)
            measured(task, f"edgeq: {label}", integer_run(quantize(graph, samples, config)))
        for label, config in WEIGHTS_ONLY.items() if given.all else ():
            run = float_run(quantize(graph, config=config))
            measured(task, f"edgeq: {label}", run, given.float_inputs)


if __name__ == "__main__":
    main()
