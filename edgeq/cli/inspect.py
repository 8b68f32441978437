"""``edgeq inspect``: what is in a model, and what it will need."""

from __future__ import annotations

import typer

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
from edgeq.options import Options
from edgeq.report import facts, terminal


def inspect_model(
    ctx: typer.Context,
    model: Model,
    target: Target = "host",
    numerics: Numerics = None,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    arena: Arena = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a model's operations, shapes, quantization, work, parameters and memory plan."""
    output = Output.of(ctx)
    options = Options(1, stream, optimize, arena)
    with output.working(f"planning {model}"):
        graph = models.load(model, numerics, target, allow_float=True)
        if graph.is_float:
            figures = facts.network(graph)
        else:
            lowered = models.lower(model, graph, numerics)
            program = models.program(model, graph, lowered, target, options)
            figures = facts.network(graph, lowered, program)
    found = {"model": str(model), **figures}
    output.show(found, *terminal.network(found))
