"""``edgeq run``: inputs in a file to outputs in a file."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgeq import reference
from edgeq.cli import models
from edgeq.cli.options import Debug, Json, Model, Numerics, Quiet, Target
from edgeq.cli.output import Output
from edgeq.ir.graph import Graph
from edgeq.report import terminal
from edgeq.report.port import port
from edgeq.samples import read_inputs, save_outputs

Arrays = tuple[np.ndarray, ...]


class Engine(str, enum.Enum):
    """What computes: the generated C, or the NumPy reference that defines it."""

    c = "c"
    reference = "reference"


def run_model(
    ctx: typer.Context,
    model: Model,
    inputs: Annotated[
        Path,
        typer.Option(
            "--input",
            "-i",
            metavar="X",
            help="An .npy, or an .npz with input0, ...; one leading axis more is a sequence.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="Y.npz", help="Gets output0, output1, ...")
    ],
    target: Target = "host",
    numerics: Numerics = None,
    engine: Annotated[Engine, typer.Option(help="The generated C, or NumPy.")] = Engine.c,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a model on arrays in a file and write what it answers."""
    output = Output.of(ctx)
    with output.working(f"preparing {model}"):
        graph = models.load(model, numerics, target, allow_float=engine is Engine.reference)
        samples = read_inputs(inputs, graph)
        call = _engine(engine, model, graph, numerics, target)
    results = list(call(output.each(samples.runs, "running")))
    save_outputs(out, results, stacked=samples.stacked)
    found = {
        "model": str(model),
        "engine": engine.value,
        "target": target if engine is Engine.c else None,
        "runs": len(results),
        "outputs": [port(graph.tensors[name]) for name in graph.outputs],
        "output": str(out),
    }
    output.show(found, *terminal.samples(found))


def _engine(
    engine: Engine, path: Path, graph: Graph, numerics: str | None, target: str
) -> Callable[[Iterable[Arrays]], Iterator[Arrays]]:
    """Return what computes the outputs of a sequence of runs."""
    float_runs = engine is Engine.reference and graph.is_float
    ready = graph if float_runs else models.lower(path, graph, numerics)
    if engine is Engine.reference:
        return lambda runs: _outputs(ready, runs)
    compiled = models.compiled(path, graph, ready, target)

    def call(runs: Iterable[Arrays]) -> Iterator[Arrays]:
        # Runs of a network that remembers nothing need not be there together.
        sequences = [tuple(runs)] if ready.states else ((run,) for run in runs)
        for sequence in sequences:
            result = compiled(*(np.stack(arrays) for arrays in zip(*sequence, strict=True)))
            yield from zip(*(result if isinstance(result, tuple) else (result,)), strict=True)

    return call


def _outputs(graph: Graph, runs: Iterable[Arrays]) -> Iterator[Arrays]:
    for tensors in reference.run_sequence(graph, runs):
        yield tuple(tensors[name] for name in graph.outputs)
