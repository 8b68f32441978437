"""``edgeq eval``: how well networks do on data, side by side."""

from __future__ import annotations

from pathlib import Path

import typer

from edgeq.cli import data_options, models
from edgeq.cli import eval_options as options
from edgeq.cli.options import Debug, Json, Model, Numerics, Quiet
from edgeq.cli.output import Output
from edgeq.data.dataset import Dataset
from edgeq.errors import EdgeqError, ModelError
from edgeq.evaluation.engines import Network, Runner, start
from edgeq.evaluation.evaluate import measure
from edgeq.evaluation.metrics import metric_maker
from edgeq.report.scores import scores


def evaluate_model(
    ctx: typer.Context,
    model: Model,
    data: options.Data,
    metric: options.Metric = None,
    against: options.Against = None,
    engine: options.Engine = None,
    samples: options.Samples = None,
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
    if metric is not None:
        metric_maker(metric)
    networks = [_network(path, numerics) for path in (model, *(against or ()))]
    found = data_options.opened(data, networks[0].graph, ctx.params, samples)
    _evaluate(Output.of(ctx), networks, engine or [], data, found, metric)


def _evaluate(
    output: Output,
    networks: list[Network],
    engines: list[str],
    path: Path,
    data: Dataset,
    metric: str | None,
) -> None:
    with output.working(f"preparing {networks[0].path}"):
        runners = _runners(networks, list(dict.fromkeys(engines)))
    runs = [(str(runner.network.path), runner) for runner in runners]
    try:
        measured = measure(runs, output.each(data, "evaluating"), metric)
    except EdgeqError as error:
        named = error if error.where.startswith(str(path)) else error.at(str(path))
        raise named from error.__cause__
    shown = {
        "data": str(path),
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
