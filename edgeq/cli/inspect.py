"""``edgeq inspect``: what is in a model, and what it will need."""

from __future__ import annotations

import typer

from edgeq.cli import models
from edgeq.cli.options import Arena, Debug, Json, Model, Numerics, Quiet, Target
from edgeq.cli.output import Output
from edgeq.report import facts, terminal


def inspect_model(
    ctx: typer.Context,
    model: Model,
    target: Target = "host",
    numerics: Numerics = None,
    arena: Arena = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a model's operations, shapes, quantization, work, parameters and memory plan."""
    output = Output.of(ctx)
    with output.working(f"planning {model}"):
        graph = models.load(model, numerics, target, allow_float=True)
        if graph.is_float:
            figures = facts.network(graph)
        else:
            lowered = models.lower(model, graph, numerics)
            program = models.program(model, graph, lowered, target, arena)
            figures = facts.network(graph, lowered, program)
    found = {"model": str(model), **figures}
    output.show(found, *terminal.network(found))
