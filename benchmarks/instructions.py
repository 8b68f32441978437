"""Executed instructions on AArch64: edgeq's C and LiteRT's kernels on the same emulated processors.

Counts repeat exactly, and say nothing of time. Those of LiteRT are of one invocation after two
others, and hold the few thousand instructions of its Python call. --json keeps all of them, by
layers for edgeq; those of LiteRT that the file has already are not counted again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from aarch64_python import PROCESSORS, environment, interpreter
from common import FLOAT_TWINS, model_path, write_section
from models import models

import edgeq
from edgeq import api, reference
from edgeq.emit.project import sources
from edgeq.errors import UnsupportedError
from edgeq.host.instructions import Instructions, read_counts
from edgeq.host.plugin import counting_plugin, plugin_arguments
from edgeq.host.runners import compiled_for
from edgeq.ir.graph import Graph
from edgeq.report import measured
from edgeq.targets import target as find_target

TITLE = "Executed instructions on AArch64"
ENGINES = ("xnnpack", "builtin")
MARK = "syscall=141"  # getpriority on AArch64
INVOCATIONS = 2
# The most that edgeq may take of the better engine's, by models, in the order of PROCESSORS.
LIMITS = (
    ("k_", (0.65, 0.92, 0.88)),
    ("coral_mobilenet", (0.65, 0.72, 0.55)),
    ("mlperf_kws", (0.65, 0.65, 0.55)),
    ("mlperf_vww", (0.65, 0.65, 0.55)),
    ("mlperf_pretrainedResnet", (0.65, 0.88, 0.75)),
)
HEAD = (
    "| model | target | MMAC | edgeq | per MAC | XNNPACK | builtin | edgeq / best | limit "
    "| float XNNPACK / edgeq |\n|---|---|---|---|---|---|---|---|---|---|"
)
Row = dict[str, Any]


class RefusedError(Exception):
    """An engine does not run the model."""


def invoked(
    folder: Path,
    model: Path,
    inputs: Sequence[np.ndarray],
    target: str,
    engines: Sequence[str],
    program: str = "litert_invokes.py",
) -> dict[str, int]:
    """Return the instructions that one invocation of each engine executes."""
    processor = PROCESSORS[target]
    emulator = ("qemu-aarch64", "-cpu", processor.qemu)
    with tempfile.TemporaryDirectory() as scratch:
        settings = environment(folder, processor, Path(scratch))
        python = str(interpreter(folder))
        plugin = counting_plugin((*emulator, *settings), (python, "-c", ""))
        counts, arrays = Path(scratch, "counts"), Path(scratch, "inputs.npz")
        named: dict[str, Any] = {f"input{i}": array for i, array in enumerate(inputs)}
        np.savez(arrays, **named)
        started = str(Path(__file__).parent / program)
        command = (
            *(*emulator, *settings),
            *plugin_arguments(plugin, (MARK, f"out={counts}")),
            *(python, "-s", started, str(model), str(arrays), str(INVOCATIONS), *engines),
        )
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError((done.stderr.strip().splitlines() or ["no reason"])[-1][:100])
        marks = read_counts(counts.read_text(encoding="ascii")).marks
    spent = [end - start for start, end in zip(marks[::2], marks[1::2], strict=True)]
    each = [spent[i * INVOCATIONS : (i + 1) * INVOCATIONS] for i in range(len(engines))]
    return {engine: min(found) for engine, found in zip(engines, each, strict=True)}


def peers(folder: Path | None, path: Path, graph: Graph, target: str) -> Row:
    """Return LiteRT's counts for a model, and for its twin in floating point where there is one."""
    if folder is None:
        raise SystemExit(f"{path.stem} on {target} is not counted yet: --python is missing")
    inputs = reference.sample_inputs(graph)
    found: Row = {"litert": version("ai-edge-litert")}
    try:
        found |= invoked(folder, path, inputs, target, ENGINES)
    except RefusedError as error:
        print(f"{path.stem} on {target}: LiteRT does not run it: {error}", file=sys.stderr)
    twin = FLOAT_TWINS.get(path.stem)
    if twin:
        floats = model_path(twin)
        zeros = reference.sample_inputs(edgeq.frontends.load(floats, allow_float=True))
        found["float_xnnpack"] = invoked(folder, floats, zeros, target, ("xnnpack",))["xnnpack"]
    return found


def count(graph: Graph, target: str, compiler: str | None) -> Instructions:
    """Return the instructions of edgeq's C."""
    chosen, lowered = find_target(target), api.lower(graph)
    program = api.program_of(graph, lowered, chosen)
    files = sources(program)
    compiled = compiled_for(program, files, lowered.tensors, chosen, compiler=compiler)
    return compiled.instructions(*reference.sample_inputs(graph))


def limit(model: str, target: str) -> float | None:
    """Return the most that edgeq may take of the better engine's instructions."""
    for start, values in LIMITS:
        if model.startswith(start):
            return dict(zip(PROCESSORS, values, strict=True))[target]
    return None


def line(row: Row) -> str:
    """Return one line of the table."""
    counted, macs = row["edgeq"]["total_instructions"], row["edgeq"]["macs"]
    most = limit(row["model"], row["target"])
    others = [row[engine] for engine in ENGINES if engine in row]
    ratio = counted / min(others) if others else None
    mark = "" if most is None or ratio is None or ratio <= most else " (over)"
    twin = row.get("float_xnnpack")
    cells = (
        row["model"],
        row["target"],
        f"{macs / 1e6:.2f}",
        f"{counted / 1e6:.3f}",
        f"{counted / macs:.3f}" if macs else "",
        *(f"{row[engine] / 1e6:.3f}" if engine in row else "" for engine in ENGINES),
        f"{ratio:.3f}" if ratio else "",
        f"{most:.2f}{mark}" if most else "",
        f"{twin / counted:.2f}" if twin else "",
    )
    return "| " + " | ".join(cells) + " |"


def rows(options: argparse.Namespace, known: list[Row]) -> list[Row]:
    """Count every chosen model on every chosen target; print each line when it is there."""
    kept = {(row["model"], row["target"]): row for row in known}
    for path in models():
        if not any(word in path.stem for word in options.only or ("",)):
            continue
        try:
            graph = edgeq.load(path)
        except UnsupportedError:
            continue
        for target in options.targets:
            old = kept.get((path.stem, target), {})
            fresh = options.fresh or old.get("litert") != version("ai-edge-litert")
            row = peers(options.python, path, graph, target) if fresh else dict(old)
            counted = count(graph, target, options.compiler)
            row |= {"model": path.stem, "target": target, "edgeq": measured.executed(counted)}
            kept[path.stem, target] = row
            print(line(row), flush=True)
            keep(options.json, list(kept.values()))
    return [kept[key] for key in sorted(kept)]


def keep(path: Path | None, found: list[Row]) -> None:
    """Write the counts to a file, if one was asked for."""
    if path is not None:
        path.write_text(json.dumps({"rows": found}, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Print the table; with --write also keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, help="folder that aarch64_python.py made")
    parser.add_argument("--only", action="append", help="part of a model's name; repeatable")
    parser.add_argument("--targets", nargs="*", choices=PROCESSORS, default=list(PROCESSORS))
    parser.add_argument("--compiler", help="compiler command instead of the first found")
    parser.add_argument("--json", type=Path, help="file that keeps the counts")
    parser.add_argument("--fresh", action="store_true", help="count LiteRT's again")
    parser.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    options = parser.parse_args()
    known: list[Row] = []
    if options.json is not None and options.json.exists():
        known = json.loads(options.json.read_text(encoding="utf-8"))["rows"]
    print(HEAD)
    found = rows(options, known)
    if options.write:
        emulated = ", ".join(f"`{name}` on `{cpu.qemu}`" for name, cpu in PROCESSORS.items())
        text = (
            f"Millions of instructions of one inference under QEMU user mode: {emulated}. LiteRT "
            f"{version('ai-edge-litert')}. Exact counts; not time.\n\n"
        )
        write_section(TITLE, text + "\n".join([HEAD, *map(line, found)]))


if __name__ == "__main__":
    main()
