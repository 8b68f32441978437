"""What quantization costs: networks with real data, in float, as published in int8, and by edgeq.

Integer networks run as compiled C on this machine; networks with float activations in PyTorch.
Every number is kept in a file as soon as it is known, and a run takes from there what it finds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from common import CHECKOUT, model_path, write_section
from quantization_rows import FLOAT_ROW, PUBLISHED_ROW, ROWS, Row
from quantization_tables import body
from quantization_tasks import TASKS, Run, Task, top1
from quantization_torch import batch_run
from quantization_twins import float_twin

import edgeq
from edgeq.ir.graph import Graph
from edgeq.quantize import Config, load_float, quantize
from edgeq.quantize.equalize import DEAD
from edgeq.quantize.ranges import to_codes, to_reals
from edgeq.quantize.rules import prepare

DOCUMENT = CHECKOUT / "docs" / "quantization.md"
KEPT = CHECKOUT / "build" / "quantization.json"
DEFAULT_ROWS = (FLOAT_ROW, PUBLISHED_ROW, Row("", "edgeq, default options", Config()))
# A change of it makes every kept number of these repairs stale.
VERSION = {"equalize": 1, "adaround": 1, "bias_correction": 1}

Kept = dict[str, dict[str, Any]]


@dataclass(eq=False)
class Subject:
    """A task with its float network, made when first needed."""

    key: str
    task: Task
    seconds: float = 0.0  # that the last quantization took

    @cached_property
    def graph(self) -> Graph:
        """Return the float network, prepared."""
        name = self.task.float_model
        if name is not None:
            return prepare(load_float(model_path(name)))
        if self.task.official is None:
            raise SystemExit(f"{self.key} has no network at all")
        return prepare(float_twin(edgeq.load(model_path(self.task.official))))

    @cached_property
    def floats(self) -> np.ndarray:
        """Return the outputs of the float network."""
        return batch_run(self.graph)(self.task.inputs)

    def quantized(self, config: Config) -> Graph:
        """Return the network that ``edgeq quantize`` makes."""
        begin = time.process_time()
        made = quantize(self.graph, ((x,) for x in self.task.calibration), config)
        self.seconds = time.process_time() - begin
        return made

    def score(self, outputs: np.ndarray) -> float:
        """Return how good outputs are."""
        if self.task.score is not None:
            return self.task.score(self.task.inputs, outputs)
        classes = self.floats.reshape(len(self.floats), -1).argmax(axis=1)
        return top1(classes)(self.task.inputs, outputs)


def integer_run(graph: Graph) -> Run:
    """Return the integer network as C, from real inputs to real outputs, one after the other."""
    compiled = edgeq.compile(graph)
    x, y = (graph.tensors[names[0]] for names in (graph.inputs, graph.outputs))

    def one(real: np.ndarray) -> np.ndarray:
        codes = real
        if x.quant is not None:
            codes = to_codes(real, x.quant, x.dtype.min, x.dtype.max).astype(x.dtype.numpy)
        found = np.asarray(compiled(codes))
        return found if y.quant is None else to_reals(found, y.quant)

    return lambda reals: np.stack([one(real) for real in reals])


def simulated_run(subject: Subject, row: Row) -> Run:
    """Return the float network with its activations rounded, and its weights unless kept."""
    integer = subject.quantized(Config())
    codes = {name: t.quant for name, t in integer.tensors.items() if t.quant and not t.is_constant}
    graph = subject.graph
    if not row.floats and row.config is not None:
        graph = quantize(graph, config=row.config)
    return batch_run(graph, codes)


def run_of(subject: Subject, row: Row) -> Run:
    """Return what computes a row's outputs; float and published ones included."""
    if row is FLOAT_ROW:
        return lambda _: subject.floats
    if row.config is None:
        return integer_run(edgeq.load(model_path(str(subject.task.official))))
    if row.simulated:
        return simulated_run(subject, row)
    network = subject.quantized(row.config)
    return batch_run(network) if row.config.weights_only else integer_run(network)


def key_of(subject: Subject, row: Row) -> str:
    """Return the name under which a number is kept: it changes with all that decides it."""
    models = [n for n in (subject.task.float_model, subject.task.official) if n is not None]
    files = [hashlib.sha256(model_path(name).read_bytes()).hexdigest() for name in models]
    versions = [v for n, v in VERSION.items() if row.config and getattr(row.config, n)]
    counts = (len(subject.task.inputs), len(subject.task.calibration))
    facts: tuple[object, ...] = (subject.key, files, row.label, counts)
    if row.config is not None:
        facts = (subject.key, files, row.config, row.simulated, row.floats, versions, counts)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def measured(
    subject: Subject, row: Row, kept: Kept, *, only_kept: bool = False
) -> dict[str, Any] | None:
    """Return a number, measured now unless it is kept; ``None`` where there is nothing."""
    if row is PUBLISHED_ROW and subject.task.official is None:
        return None
    if row.costly and subject.task.is_large:
        return None
    key = key_of(subject, row)
    if key not in kept and only_kept:
        return None
    if key not in kept:
        subject.seconds = 0.0
        begin = time.process_time()
        score = subject.score(run_of(subject, row)(subject.task.inputs))
        whole = time.process_time() - begin
        kept[key] = {
            "network": subject.task.name,
            "row": f"{row.part}: {row.label}",
            "score": score,
            "inputs": len(subject.task.inputs),
            "quantizing": subject.seconds,
        }
        print(f"{subject.key:12} {row.part}: {row.label}: {score:.4f}, ", end="")
        print(f"{subject.seconds:.1f} of {whole:.1f} s", flush=True)
    return kept[key]


def spread(graph: Graph) -> float:
    """Return the largest over the median range of a layer's output channels, of the worst layer."""
    worst = 1.0
    for op, io in graph.walk():
        if op.WEIGHTS_AXIS is None:
            continue
        rows = np.moveaxis(io.ins[1].array, op.WEIGHTS_AXIS, 0).reshape(io.y.shape[-1], -1)
        extents = np.abs(rows).max(axis=1)
        alive = extents[extents > DEAD * extents.max(initial=0)]
        worst = max(worst, float(alive.max() / np.median(alive))) if alive.size else worst
    return worst


def kept_numbers(path: Path) -> Kept:
    """Return what an earlier run has kept."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def measure_all(
    subjects: Iterable[Subject], rows: Iterable[Row], path: Path, *, only_kept: bool = False
) -> dict[tuple[str, Row], dict[str, Any] | None]:
    """Return every number by network and row; each is in the file before the next one begins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, Row], dict[str, Any] | None] = {}
    for subject in subjects:
        for row in rows:
            kept = kept_numbers(path)
            found[subject.task.name, row] = measured(subject, row, kept, only_kept=only_kept)
            path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return found


def main() -> None:
    """Measure the chosen networks, print the tables and write them into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(TASKS), help=", ".join(TASKS))
    parser.add_argument("--inputs", type=int, default=2000, help="inputs to measure on, at most")
    parser.add_argument("--calibration", type=int, default=200, help="samples to calibrate with")
    parser.add_argument("--all", action="store_true", help="every row, not the defaults alone")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the file of known numbers")
    parser.add_argument("--only-kept", action="store_true", help="measure nothing that is new")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    given = parser.parse_args()
    unknown = set(given.networks) - set(TASKS)
    if unknown:
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}")
    rows = ROWS if given.all else DEFAULT_ROWS
    subjects = [Subject(n, TASKS[n](given.inputs, given.calibration)) for n in given.networks]
    found = measure_all(subjects, rows, given.kept, only_kept=given.only_kept)
    spreads = [spread(subject.graph) for subject in subjects]
    text = body([s.task for s in subjects], spreads, rows, found)
    print(text)
    if given.write:
        title = "Measured: every option" if given.all else "Measured: default options"
        write_section(title, text, DOCUMENT)


if __name__ == "__main__":
    main()
