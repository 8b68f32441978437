"""``edgeq profile``: where the time goes."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeq import reference
from edgeq.cli import models
from edgeq.cli.options import Debug, Input, Json, Model, Numerics, Quiet, Target
from edgeq.cli.output import Output
from edgeq.host.profile import require_clock
from edgeq.report import facts, terminal
from edgeq.samples import load_inputs
from edgeq.targets import target as find_target


def profile_model(
    ctx: typer.Context,
    model: Model,
    target: Target = "host",
    inputs: Input = None,
    numerics: Numerics = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Runs to measure.")] = 25,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure the time of each layer on this machine."""
    output = Output.of(ctx)
    with output.working(f"measuring {model}"):
        graph = models.load(model, numerics, target)
        require_clock(find_target(target))
        arrays = load_inputs(inputs, graph)[0] if inputs else reference.sample_inputs(graph)
        compiled = models.compiled(model, graph, models.lower(model, graph, numerics), target)
        profile = compiled.profile(*arrays, repeats=repeats)
    found = {"model": str(model), "target": target, **facts.timing(profile)}
    output.show(found, *terminal.timing(found))
