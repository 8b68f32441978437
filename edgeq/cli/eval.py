"""``edgeq eval``: how well networks do on data, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edgeq.cli import data_options, models
from edgeq.cli.options import Debug, Json, Model, Numerics, Quiet
from edgeq.cli.output import Output
from edgeq.errors import EdgeqError, ModelError
from edgeq.evaluation.engines import ENGINES, Network, Runner, start
from edgeq.evaluation.evaluate import measure
from edgeq.evaluation.metrics import NAMES, metric_maker
from edgeq.report.scores import scores


def evaluate_model(
    ctx: typer.Context,
    model: Model,
    data: Annotated[
        Path,
        typer.Option(
            "--data", "-d", metavar="D", help="Pictures in class folders, or an .npz with x and y."
        ),
    ],
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--metric",
            metavar="M",
            help=f"{', '.join(NAMES)} or MODULE:FUNCTION; else what suits the labels.",
        ),
    ] = None,
    against: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("--against", metavar="OTHER", help="Another model; may be repeated."),
    ] = None,
    engine: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--engine",
            metavar="E",
            help=f"{', '.join(ENGINES)}; may be repeated. C without, for float models reference.",
        ),
    ] = None,
    samples: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--samples", min=1, metavar="N", help="Only N: of pictures evenly spread."),
    ] = None,
    numerics: Numerics = None,
    labels: data_options.Labels = None,
    classes: data_options.Classes = None,
    resize: data_options.Resize = None,
    crop: data_options.Crop = None,
    filter: data_options.Filter = None,
    color: data_options.Color = None,
    layout: data_options.Layout = None,
    scale: data_options.Scale = None,
    mean: data_options.Mean = None,
    std: data_options.Std = None,
    arrays: data_options.Arrays = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure accuracy on data: integer and float networks and other engines side by side."""
    output = Output.of(ctx)
    if metric is not None:
        metric_maker(metric)
    networks = [_network(path, numerics) for path in (model, *(against or ()))]
    found = data_options.opened(data, networks[0].graph, ctx.params, samples)
    with output.working(f"preparing {model}"):
        runners = _runners(networks, list(dict.fromkeys(engine or ())))
    runs = [(str(runner.network.path), runner) for runner in runners]
    try:
        measured = measure(runs, output.each(found, "evaluating"), metric)
    except EdgeqError as error:
        raise error if error.where.startswith(str(data)) else error.at(str(data)) from None
    shown = {
        "data": str(data),
        "samples": measured[0].samples,
        "metric": measured[0].metric,
        "results": [score.facts() for score in measured],
    }
    output.show(shown, *scores(measured))


def _network(path: Path, numerics: str | None) -> Network:
    graph = models.load(path, numerics, allow_float=True)
    return Network(path.name, graph, path, None if graph.is_float else numerics)


def _runners(networks: list[Network], engines: list[str]) -> list[Runner]:
    """Return each network in each engine that can run it, in its usual one where none can."""
    shapes = [[n.graph.tensors[name].shape for name in n.graph.inputs] for n in networks]
    for network, shape in zip(networks, shapes, strict=True):
        if shape != shapes[0]:
            raise ModelError(
                f"takes inputs of {[list(each) for each in shape]}, "
                f"but '{networks[0].name}' of {[list(each) for each in shapes[0]]}",
                where=str(network.path),
            )
    obstacles = {e: [network.obstacle(e) for network in networks] for e in engines}
    for name, whys in obstacles.items():
        if all(whys):
            raise EdgeqError(f"--engine {name}: {whys[0]}")
    chosen = []
    for place, network in enumerate(networks):
        able = [e for e in engines if not obstacles[e][place]] or [network.engine()]
        chosen += [(network, e) for e in able]
    runners = []
    for network, name in chosen:
        with models.naming(network.path or Path(network.name)):
            runners.append(start(network, name))
    return runners
