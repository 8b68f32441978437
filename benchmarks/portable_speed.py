"""Portable C against LiteRT's kernels: interleaved in one run, one thread, medians."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from ai_edge_litert.interpreter import Interpreter, OpResolverType
from common import model_path, processor, write_section

import edgeq
from edgeq import reference
from edgeq.targets.host import HOST

ENGINES = {
    "reference": OpResolverType.BUILTIN_REF,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": OpResolverType.AUTO,
}
MODELS = ("k_mobilenet_v1_1.0_224_int8", "coral_mobilenet_v1_1.0_224_quant")
# The portable kernels, compiled for this machine, whatever better ones it has.
PORTABLE = replace(HOST, isas=("portable",), isa_flags=())
TITLE = "Portable C and LiteRT on the host"


def litert(name: str, resolver: OpResolverType, inputs: tuple) -> Callable[[], None]:
    """Return one invocation of LiteRT on one thread."""
    interpreter = Interpreter(
        str(model_path(name)), experimental_op_resolver_type=resolver, num_threads=1
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    return interpreter.invoke


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each, taken in turns after one round unmeasured."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def row(name: str, rounds: int) -> str:
    """Return one line of the table."""
    graph = edgeq.load(model_path(name))
    inputs = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, target=PORTABLE)
    runs: dict[str, Callable[[], object]] = {"edgeq": lambda: compiled(*inputs)}
    runs |= {engine: litert(name, kind, inputs) for engine, kind in ENGINES.items()}
    ms = measure(runs, rounds)
    gmacs = compiled.program.macs / ms["edgeq"] / 1e6
    cells = [name, *(f"{ms[n]:.2f}" for n in runs), f"{gmacs:.1f}"]
    cells.append(f"{ms['reference'] / ms['edgeq']:.1f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    lines = [
        f"{processor()}, one thread, medians of {options.rounds} interleaved rounds, milliseconds.",
        "",
        "| model | edgeq portable C | reference | builtin | XNNPACK | edgeq GMAC/s "
        "| reference / edgeq |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(name, options.rounds) for name in options.models]
    print("\n".join(lines))
    if options.write:
        write_section(TITLE, "\n".join(lines))


if __name__ == "__main__":
    main()
