"""Portable C against LiteRT's kernels: interleaved in one run, one thread, medians."""

from __future__ import annotations

import argparse
from dataclasses import replace

from common import model_path, processor, write_section
from engines import edgeq_timed, interleaved, litert_call, timed

import edgeq
from edgeq import reference
from edgeq.targets.host import HOST

ENGINES = {
    "reference": "BUILTIN_REF",
    "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "xnnpack": "AUTO",
}
MODELS = ("k_mobilenet_v1_1.0_224_int8", "coral_mobilenet_v1_1.0_224_quant")
# The portable kernels, compiled for this machine, whatever better ones it has.
PORTABLE = replace(HOST, isas=("portable",), isa_flags=())
TITLE = "Portable C and LiteRT on the host"


def row(name: str, rounds: int) -> str:
    """Return one line of the table."""
    graph = edgeq.load(model_path(name))
    inputs = reference.sample_inputs(graph)
    compiled = edgeq.compile(graph, target=PORTABLE)
    path = model_path(name)
    runs = {"edgeq": edgeq_timed(compiled, inputs)}
    runs |= {each: timed(litert_call(path, inputs, kind)) for each, kind in ENGINES.items()}
    ms = interleaved(runs, rounds)
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
