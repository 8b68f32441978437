"""``edgeq inspect``: what is in a model, and what it will need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeq import api
from edgeq.cli import models
from edgeq.cli.options import (
    Arena,
    Debug,
    Json,
    Model,
    Numerics,
    Optimize,
    Quiet,
    Stream,
    Target,
)
from edgeq.cli.output import Output
from edgeq.ir.graph import Graph
from edgeq.options import Options
from edgeq.report import facts, terminal
from edgeq.report import tables as tables_of
from edgeq.report.operations import weights as weights_of


def inspect_model(
    ctx: typer.Context,
    model: Model,
    target: Target = "host",
    numerics: Numerics = None,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    arena: Arena = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Show the ranges of weights per channel as well.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a model's operations, shapes, quantization, work, parameters and memory plan."""
    output = Output.of(ctx)
    options = Options(1, stream, optimize, arena)
    with output.working(f"planning {model}"):
        graph = models.load(model, numerics, target, allow_float=True)
        lowered = graph if graph.is_float else models.lower(model, graph, numerics)
        found = figures_of(model, graph, lowered, target, options)
    tables = terminal.network(found)
    if weights:
        found["weights"] = weights_of(lowered)
        tables = (*tables, tables_of.weights(found["weights"]))
    output.show(found, *tables)


def figures_of(
    path: Path, graph: Graph, lowered: Graph, target: str, options: Options
) -> dict[str, Any]:
    """Return what ``--json`` prints of a model, planned for a target unless it is in floats."""
    named = {"model": str(path), "model_sha256": api.model_hash(graph)}
    if graph.is_float:
        return {**named, **facts.network(graph)}
    program = models.program(path, graph, lowered, target, options)
    return {**named, **facts.network(graph, lowered, program)}
