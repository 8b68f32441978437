"""``edgeq report``: one HTML page with everything that the other commands tell of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from edgeq import reference
from edgeq.cli import data_options, models, quantize_options
from edgeq.cli.bench import builder_of, measure
from edgeq.cli.inspect import figures_of
from edgeq.cli.options import Debug, Json, Model, Numerics, Optimize, Quiet, Stream, Targets
from edgeq.cli.output import Output
from edgeq.cli.quantize import EXPLAINED
from edgeq.emit.write import write_file
from edgeq.errors import EdgeqError, QuantizationError, TargetError, ToolchainError
from edgeq.ir.graph import Graph
from edgeq.options import Options
from edgeq.quantize import Config, load_float
from edgeq.quantize.explain import explain
from edgeq.quantize.pairs import check_pair
from edgeq.quantize.quantizer import make_ready
from edgeq.report import tables
from edgeq.report.html.page import page
from edgeq.report.losses import advice
from edgeq.report.operations import weights
from edgeq.version import VERSION

REPEATS = 25  # runs to time, as ``edgeq bench`` makes without --repeats

Out = Annotated[Path, typer.Option("--out", "-o", metavar="PAGE.html", help="The page to write.")]
Float = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--float", metavar="FLOAT", help="The float model that MODEL was made from."),
]
Equalized = Annotated[bool, typer.Option("--equalize", help="MODEL was quantized with --equalize.")]
Bench = Annotated[
    bool, typer.Option("--bench", help="Measure each layer, where its target can run here.")
]


@dataclass(frozen=True, slots=True)
class _Pair:
    """The float model to compare with, the samples to do it on, and all that was ``given``."""

    path: Path
    calibration: Path
    samples: int | None
    is_equalized: bool
    given: Mapping[str, Any]


def report_model(
    ctx: typer.Context,
    model: Model,
    out: Out,
    target: Targets = None,
    numerics: Numerics = None,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    bench: Bench = False,
    floats: Float = None,
    calibration: quantize_options.Calibration = None,
    samples: quantize_options.Samples = None,
    equalize: Equalized = False,
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
    """Write one self-contained HTML page about a model."""
    output = Output.of(ctx)
    targets = list(dict.fromkeys(target or ["host"]))
    pair = _pair(ctx.params)
    options = Options(1, stream, optimize)
    found = {
        **_file(model),
        "output": str(out),
        "version": VERSION,
        "options": _given(numerics, stream, optimize),
        **_figures(output, model, targets, numerics, options, bench, pair),
    }
    write_file(page(found).encode(), out)
    output.show(found, tables.written(found))


def _figures(
    output: Output,
    path: Path,
    targets: Sequence[str],
    numerics: str | None,
    options: Options,
    is_measured: bool,
    pair: _Pair | None,
) -> dict[str, Any]:
    """Return what ``inspect``, ``bench`` and ``quantize --explain`` tell of a model."""
    with output.working(f"planning {path}"):
        allowed = pair is None and not is_measured
        graph = models.load(path, numerics, *targets, allow_float=allowed)
        lowered = graph if graph.is_float else models.lower(path, graph, numerics)
        if graph.is_float:
            targets = targets[:1]  # no plan, whatever the target
        plans = [figures_of(path, graph, lowered, each, options) for each in targets]
    return {
        "inspect": plans,
        "model_sha256": plans[0]["model_sha256"],
        "weights": weights(lowered),
        "bench": [
            _bench(output, path, graph, lowered, each, options) if is_measured else None
            for each in targets
        ],
        "explain": None if pair is None else _explain(output, path, graph, pair),
    }


def _pair(given: Mapping[str, Any]) -> _Pair | None:
    """Return what to compare with; raise ``QuantizationError`` where half of it is missing."""
    floats, calibration = given["floats"], given["calibration"]
    if floats is not None and calibration is not None:
        return _Pair(floats, calibration, given["samples"], given["equalize"], given)
    if floats is not None:
        raise QuantizationError(
            "--float without samples to compare on", hint="--calibration X, a few of them"
        )
    for name in ("calibration", "samples", "equalize"):
        if given[name] not in (None, False):
            raise QuantizationError(f"--{name} without --float", hint="--float FLOAT")
    data_options.refuse_without_data(given)
    return None


def _file(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"model": str(path), "file_bytes": len(data), "file_sha256": digest}


def _given(numerics: str | None, stream: str, optimize: str) -> Mapping[str, str]:
    """Return the options that other commands need to print the same numbers."""
    usual = {"stream": "auto", "optimize": "speed"}
    given = {"numerics": numerics, "stream": stream, "optimize": optimize}
    return {k: v for k, v in given.items() if v is not None and v != usual.get(k)}


def _bench(
    output: Output, path: Path, graph: Graph, lowered: Graph, target: str, options: Options
) -> dict[str, Any]:
    """Return what is measured for a target, or why nothing is: what it takes is not here."""
    with output.working(f"measuring {path} for {target}"):
        try:
            builder = builder_of(target, None)
            ready = models.compiled(path, graph, lowered, target, None, options)
            arrays = reference.sample_inputs(graph)
            return {"model": str(path), **measure(lowered, ready, builder, arrays, REPEATS)}
        except (TargetError, ToolchainError) as error:
            return {"target": target, "error": error.what}


def _explain(output: Output, path: Path, graph: Graph, pair: _Pair) -> dict[str, Any]:
    """Return the loss of each layer against the float model, the worst first."""
    floats = load_float(pair.path)
    try:
        check_pair(floats, graph)
    except EdgeqError as error:
        raise error.at(f"{path} and {pair.path}") from None
    if pair.is_equalized:
        every = data_options.opened(pair.calibration, floats, pair.given, pair.samples).inputs
        floats, *_ = make_ready(floats, every, Config(equalize=True))
    limit = min(pair.samples or EXPLAINED, EXPLAINED)
    found = data_options.opened(pair.calibration, floats, pair.given, limit).inputs
    losses = explain(floats, graph, output.each(found, "explaining"))
    return {
        "float": str(pair.path),
        "calibration": str(pair.calibration),
        "samples": len(found),
        "limit": pair.samples,
        "data": data_options.words(pair.given),
        "equalize": pair.is_equalized,
        "losses": [{**loss.facts(), "advice": advice(loss)} for loss in losses],
    }
