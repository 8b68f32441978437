"""The rows of the tables: what is quantized, and how (Krishnamoorthi 2018, tables 2, 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeq.ir.types import DType
from edgeq.quantize import Config


@dataclass(frozen=True, slots=True)
class Row:
    """One way to quantize.

    ``config`` is ``None`` for the float network. ``simulated`` rows round in PyTorch what no
    integer kernel computes; ``floats`` among them keep float weights. ``costly`` rows are left out
    for large networks.
    """

    part: str
    label: str
    config: Config | None = None
    simulated: bool = False
    floats: bool = False
    costly: bool = False


LAYER = Config(per_channel=False)
ONLY = Config(weights_only=True)
ONLY_LAYER = replace(ONLY, per_channel=False)
NARROW = Config(weight_bits=4)
ALL_REPAIRS = {"equalize": True, "adaround": True, "bias_correction": True}

WEIGHTS = "weights only"
BOTH = "weights and activations"
RANGES = "ranges of activations (per channel)"
REPAIRS = "repairs of one scale per layer"
REPAIRS_CHANNEL = "repairs of one scale per channel"
BITS = "fewer bits of weights (activations 8)"

FLOAT_ROW = Row("", "float32")
PUBLISHED_ROW = Row("", "int8 as published")
ROWS: tuple[Row, ...] = (
    FLOAT_ROW,
    PUBLISHED_ROW,
    Row(WEIGHTS, "per layer, symmetric", ONLY_LAYER),
    Row(WEIGHTS, "per layer, asymmetric", replace(ONLY_LAYER, symmetric_weights=False)),
    Row(WEIGHTS, "per channel, symmetric", ONLY),
    Row(WEIGHTS, "per channel, asymmetric", replace(ONLY, symmetric_weights=False)),
    Row(WEIGHTS, "per layer, symmetric, equalized", replace(ONLY_LAYER, equalize=True)),
    Row(
        WEIGHTS,
        "per layer, asymmetric, equalized",
        replace(ONLY_LAYER, symmetric_weights=False, equalize=True),
    ),
    Row(BOTH, "activations alone", Config(), simulated=True, floats=True),
    Row(BOTH, "per layer, symmetric", LAYER),
    Row(BOTH, "per layer, asymmetric", replace(LAYER, symmetric_weights=False)),
    Row(BOTH, "per channel, symmetric", Config()),
    Row(
        BOTH,
        "per channel, asymmetric (simulated)",
        replace(ONLY, symmetric_weights=False),
        simulated=True,
    ),
    Row(BOTH, "per channel, symmetric activations too", Config(symmetric_activations=True)),
    Row(
        BOTH,
        "per layer, asymmetric, uint8",
        Config(dtype=DType.UINT8, per_channel=False, symmetric_weights=False),
    ),
    Row(REPAIRS, "equalize", replace(LAYER, equalize=True)),
    Row(
        REPAIRS,
        "equalize, asymmetric weights",
        replace(LAYER, equalize=True, symmetric_weights=False),
    ),
    Row(REPAIRS, "bias correction", replace(LAYER, bias_correction=True)),
    Row(REPAIRS, "adaptive rounding", replace(LAYER, adaround=True), costly=True),
    Row(
        REPAIRS,
        "equalize, bias correction",
        replace(LAYER, equalize=True, bias_correction=True),
    ),
    Row(REPAIRS, "all three", replace(LAYER, **ALL_REPAIRS)),
    Row(RANGES, "min-max", Config()),
    Row(RANGES, "moving average", Config(observer="average")),
    Row(RANGES, "percentile 99.99", Config(observer="percentile")),
    Row(RANGES, "percentile 99.9", Config(observer="percentile", percentile=99.9)),
    Row(RANGES, "KL (entropy)", Config(observer="entropy")),
    Row(RANGES, "least squared error", Config(observer="mse")),
    Row(REPAIRS_CHANNEL, "none", Config()),
    Row(REPAIRS_CHANNEL, "bias correction", Config(bias_correction=True)),
    Row(REPAIRS_CHANNEL, "adaptive rounding", Config(adaround=True), costly=True),
    Row(REPAIRS_CHANNEL, "all three", Config(**ALL_REPAIRS), costly=True),
    Row(BITS, "8, per channel", Config()),
    Row(BITS, "6, per channel", Config(weight_bits=6)),
    Row(BITS, "4, per channel", NARROW),
    Row(BITS, "4, per layer", replace(NARROW, per_channel=False)),
    Row(BITS, "4, per channel, bias correction", replace(NARROW, bias_correction=True)),
    Row(BITS, "4, per channel, adaptive rounding", replace(NARROW, adaround=True), costly=True),
    Row(
        BITS,
        "4, per channel, both",
        replace(NARROW, adaround=True, bias_correction=True),
    ),
    Row(BITS, "4, per channel, all three", replace(NARROW, **ALL_REPAIRS), costly=True),
)
