"""``edgeq verify``: reference, C and stored outputs, bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import numpy as np
import typer

from edgeq import reference
from edgeq.cli import models
from edgeq.cli.options import (
    Arena,
    Debug,
    Input,
    Json,
    Model,
    Numerics,
    Optimize,
    Quiet,
    Stream,
    Targets,
)
from edgeq.cli.output import Output
from edgeq.errors import EdgeqError, VerifyError
from edgeq.ir.graph import Graph
from edgeq.options import Options
from edgeq.peers import ENGINES, verify_against
from edgeq.report import facts, terminal
from edgeq.samples import has_inputs, load_inputs, load_outputs
from edgeq.verify import Verdict, verify_models

Arrays = tuple[np.ndarray, ...]

SEEDS = range(4)
Golden = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--golden", "-g", metavar="G.npz", help="output0, ... to equal; may hold input0, ..."
    ),
]
Against = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--against", metavar="E", help=f"Another engine: {', '.join(ENGINES)}."),
]


def verify_model(
    ctx: typer.Context,
    model: Model,
    target: Targets = None,
    inputs: Input = None,
    golden: Golden = None,
    against: Against = None,
    numerics: Numerics = None,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    arena: Arena = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare the reference with the generated C, tensor by tensor; exit 1 at a difference.

    With --against E also with another engine that runs the file, and its tensors.
    """
    output = Output.of(ctx)
    options = Options(1, stream, optimize, arena)
    targets = list(dict.fromkeys(target or ["host"]))
    with output.working(f"preparing {model}"):
        graph = models.load(model, numerics, *targets)
        runs, wanted = _samples(graph, inputs, golden)
        lowered = models.lower(model, graph, numerics)
        compiled = [
            models.compiled(model, graph, lowered, each, options=options) for each in targets
        ]
    try:
        verdicts = verify_models(lowered, compiled, output.each(runs, "comparing"), wanted)
    except EdgeqError as error:
        raise error.at(str(golden or inputs or model)) from None
    peers = _peers(output, model, lowered, against or [], runs)
    compared = facts.verification(verdicts, peers)
    found = {"model": str(model), "numerics": lowered.numerics, **compared}
    output.show(found, *terminal.verification(found))
    _raise_first(model, verdicts, peers)


def _peers(
    output: Output, model: Path, lowered: Graph, engines: list[str], runs: tuple[Arrays, ...]
) -> tuple[Verdict, ...]:
    """Return how the reference compares with each of other engines."""
    found = []
    for engine in dict.fromkeys(engines):
        try:
            each = output.each(runs, f"comparing with {engine}")
            found.append(verify_against(engine, model, lowered, each))
        except EdgeqError as error:
            raise error.at(str(model)) from None
    return tuple(found)


def _samples(
    graph: Graph, inputs: Path | None, golden: Path | None
) -> tuple[tuple[Arrays, ...], tuple[Arrays, ...] | None]:
    """Return the runs to compare, and the outputs that they must have."""
    wanted = None if golden is None else load_outputs(golden, graph)
    if inputs is not None:
        return load_inputs(inputs, graph), wanted
    if golden is None:
        return tuple(reference.sample_inputs(graph, seed) for seed in SEEDS), None
    if not has_inputs(golden):
        raise EdgeqError("holds no inputs", where=str(golden), hint="give them with --input")
    return load_inputs(golden, graph), wanted


def _raise_first(model: Path, verdicts: tuple[Verdict, ...], peers: tuple[Verdict, ...]) -> None:
    for verdict in (*verdicts, *peers):
        if verdict.difference is not None:
            what = "the reference" if verdict in peers else f"C for '{verdict.target}'"
            raise VerifyError(f"{what} differs: {verdict.difference}", where=str(model))
