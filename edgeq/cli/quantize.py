"""``edgeq quantize``: a float model and samples to an integer model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from edgeq.cli import data_options, models
from edgeq.cli import quantize_options as options
from edgeq.cli.options import Debug, Json, Quiet
from edgeq.cli.output import Output
from edgeq.data.dataset import Dataset
from edgeq.emit.write import write_file, write_folder
from edgeq.errors import QuantizationError
from edgeq.frontends.npz import graph_bytes
from edgeq.ir.types import DType
from edgeq.quantize import Config, load_float, quantize
from edgeq.quantize.distributions import distributions
from edgeq.quantize.explain import explain as losses_of
from edgeq.quantize.quantizer import make_ready
from edgeq.report import facts, terminal
from edgeq.report.losses import losses
from edgeq.report.plots import plots as drawn

REPAIRS = ("equalize", "adaround", "bias_correction")
EXPLAINED = 16  # samples: decibels hardly move with more


def quantize_model(
    ctx: typer.Context,
    model: options.FloatModel,
    out: options.Out,
    calibration: options.Calibration = None,
    samples: options.Samples = None,
    dtype: options.Dtype = options.Codes.int8,
    observer: options.Observer = options.Ranges.minmax,
    percentile: options.Percentile = None,
    per_tensor: options.PerTensor = False,
    asymmetric_weights: options.AsymmetricWeights = False,
    symmetric: options.Symmetric = False,
    weights_only: options.WeightsOnly = False,
    weight_bits: options.WeightBits = 8,
    activation_bits: options.ActivationBits = 8,
    float_io: options.FloatIo = False,
    equalize: options.Equalize = False,
    adaround: options.Adaround = False,
    bias_correction: options.BiasCorrection = False,
    explain: options.Explain = False,
    plots: options.Plots = None,
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
    """Quantize a float model after training."""
    config = _config(ctx.params)
    _check_shown(explain, weights_only, plots)
    _check_options(config, calibration, percentile, ctx.params)
    _quantize(Output.of(ctx), ctx.params, config)


def _config(given: Mapping[str, Any]) -> Config:
    """Return the wishes; raise ``QuantizationError`` when some contradict each other."""
    share = given["percentile"]
    same = ("weights_only", "weight_bits", "activation_bits", "float_io", *REPAIRS)
    return Config(
        dtype=DType(given["dtype"].value),
        per_channel=not given["per_tensor"],
        symmetric_weights=not given["asymmetric_weights"],
        symmetric_activations=given["symmetric"],
        observer=given["observer"].value,
        percentile=Config().percentile if share is None else share,
        **{name: given[name] for name in same},
    ).check()


def _check_shown(explain: bool, weights_only: bool, plots: Path | None) -> None:
    if explain and weights_only:
        raise QuantizationError(
            "--explain with --weights-only", hint="activations have no codes to measure"
        )
    if plots is not None and not explain:
        raise QuantizationError("--plots without --explain", hint="it draws what --explain finds")


def _check_options(
    config: Config, calibration: Path | None, percentile: float | None, given: Mapping[str, Any]
) -> None:
    if percentile is not None and config.observer != "percentile":
        raise QuantizationError(
            f"--percentile with --observer {config.observer}", hint="--observer percentile"
        )
    if calibration is None and config.needs_calibration:
        raise QuantizationError(
            "no samples to calibrate with", hint="--calibration X, about 100 of them"
        )
    if calibration is not None and not config.needs_calibration:
        raise QuantizationError(
            "--calibration, but weights alone need no samples", hint="leave one of the two out"
        )
    if calibration is None:
        data_options.refuse_without_data(given)


def _quantize(output: Output, given: Mapping[str, Any], config: Config) -> None:
    """Do what the parameters of the command ask for."""
    path, out = Path(given["model"]), Path(given["out"])
    graph, limit = load_float(path), given["samples"]
    found = None
    if given["calibration"] is not None:
        found = data_options.opened(Path(given["calibration"]), graph, given, limit)
    with models.naming(path):
        samples = () if found is None else output.each(found.inputs, "calibrating")
        integer = quantize(graph, samples, config)
    write_file(graph_bytes(integer), out)
    shown = {**_facts(path, out, found, config), **facts.contents(integer)}
    tables = terminal.contents(shown)
    if given["explain"] and found is not None:
        few = min(limit or EXPLAINED, EXPLAINED)
        seen = data_options.opened(Path(given["calibration"]), graph, given, few).inputs
        ready, *_ = make_ready(graph, found.inputs, config)
        lost = losses_of(ready, integer, output.each(seen, "explaining"))
        shown["losses"] = [loss.facts() for loss in lost]
        tables = (*tables, losses(lost))
        if given["plots"] is not None:
            layers = distributions(ready, integer, output.each(seen, "drawing"))
            files = drawn(layers, lost)
            write_folder(files, Path(given["plots"]))
            shown["plots"] = sorted(files)
    output.show(shown, *tables)


def _facts(path: Path, out: Path, found: Dataset | None, config: Config) -> facts.Facts:
    """Return what was asked for."""
    return {
        "model": str(path),
        "output": str(out),
        "samples": 0 if found is None else len(found),
        "dtype": config.dtype.value,
        "observer": None if config.weights_only else config.observer,
        "per_channel": config.per_channel,
        "weight_bits": config.weight_bits,
        "activation_bits": config.activation_bits,
        "weights_only": config.weights_only,
        "repairs": [name for name in REPAIRS if getattr(config, name)],
    }
