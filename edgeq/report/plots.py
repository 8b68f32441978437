"""Drawings of ``edgeq quantize --explain --plots``: SVG text, the same for the same figures."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from edgeq.errors import UnsupportedError
from edgeq.quantize.distributions import Layer
from edgeq.quantize.explain import LayerLoss
from edgeq.report.plain import printable

# Text stays text, so that a layer can be searched for; identifiers do not depend on chance.
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "edgeq", "font.size": 8}
_BINS = 120
_BLUE, _RED, _GREY = "#2b6cb0", "#c53030", "#a0aec0"
# A tensor without any error has no decibels; drawn at the edge.
_TOP = 120.0
# Longer names are shortened along an axis; each layer's own drawing has them whole.
_NAME = 40


def plots(layers: Sequence[Layer], losses: Sequence[LayerLoss]) -> Mapping[str, str]:
    """Return drawings by file name: ``sqnr.svg``, and one of each layer's values.

    ``losses`` may come in any order; that of ``layers`` is along the depth. Raise
    ``UnsupportedError`` where matplotlib is missing.
    """
    by_tensor = {loss.tensor: loss for loss in losses}
    digits = len(str(len(layers)))
    with _matplotlib() as figure_of:
        files = {"sqnr.svg": _depth(figure_of, layers, by_tensor)}
        for index, layer in enumerate(layers):
            text = _layer(figure_of, layer, by_tensor.get(layer.tensor))
            files[f"layer_{index:0{digits}}_{layer.kind}.svg"] = text
    return files


@contextmanager
def _matplotlib() -> Iterator[Any]:
    """Lend matplotlib's figures under this module's style, which is not kept."""
    try:
        library = import_module("matplotlib")
        figures = import_module("matplotlib.figure")
    except ImportError:
        raise UnsupportedError(
            "drawing needs the package 'matplotlib'", hint="pip install 'edgeq[plots]'"
        ) from None
    with library.rc_context({**library.rcParamsDefault, **_STYLE}):
        yield figures.Figure


def _depth(figure_of: Any, layers: Sequence[Layer], losses: Mapping[str, LayerLoss]) -> str:
    """Draw the signal-to-noise ratio along the depth."""
    found = [losses[layer.tensor] for layer in layers if layer.tensor in losses]
    figure = figure_of(figsize=(max(6.0, 2 + 0.28 * len(found)), 7), layout="constrained")
    axes = figure.subplots()
    places = range(len(found))
    isolated = [_finite(loss.isolated) for loss in found]
    accumulated = [_finite(loss.accumulated) for loss in found]
    axes.plot(places, isolated, "o-", color=_BLUE, markersize=3, label="isolated: this layer alone")
    axes.plot(
        places, accumulated, "s-", color=_RED, markersize=3, label="accumulated: all up to here"
    )
    axes.set_xticks(places, [_short(loss.layer) for loss in found], rotation=90, parse_math=False)
    axes.set_ylabel("signal to quantization noise, dB")
    axes.set_title("SQNR along the depth")
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    return _svg(figure)


def _layer(figure_of: Any, layer: Layer, loss: LayerLoss | None) -> str:
    """Draw a layer's activations, and its weights together and by channel."""
    panels = 1 if layer.weights is None else 3
    width = max(6.0, 4.2 * panels)
    figure = figure_of(figsize=(width, 3.4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, panels))
    heading = textwrap.fill(_heading(layer, loss), int(14 * width))
    figure.suptitle(heading, fontsize="medium", parse_math=False)
    _activations(axes[0], layer)
    if layer.weights is not None and layer.low is not None and layer.high is not None:
        _weights(axes[1], layer.weights)
        _channels(axes[2], layer.weights, layer.low, layer.high)
    return _svg(figure)


def _heading(layer: Layer, loss: LayerLoss | None) -> str:
    name = f"{_plain(layer.name)} ({layer.kind})"
    if loss is None:
        return name
    return (
        f"{name}: SQNR {loss.isolated:.1f} dB isolated, {loss.accumulated:.1f} dB accumulated, "
        f"{loss.clipped:.3%} clipped"
    )


def _activations(axes: Any, layer: Layer) -> None:
    """Draw how often each value occurs, and what the codes span."""
    counts, edges = layer.activations.counts_with_zeros(), layer.activations.edges()
    used = np.flatnonzero(counts)
    first, last = (int(used[0]), int(used[-1]) + 1) if used.size else (0, len(counts))
    step = max(1, math.ceil((last - first) / _BINS))
    starts = np.arange(first, last, step)
    sums = np.add.reduceat(counts[first:last], starts - first)
    ends = edges[np.append(starts, last)]
    axes.stairs(sums, ends, fill=True, color=_BLUE)
    for end in layer.span:
        axes.axvline(end, color=_RED, linestyle="--", linewidth=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 2 * max(int(sums.max()), 1))
    axes.set_ylabel("count")
    axes.set_title("activations (dashed: range of the codes)")
    axes.set_xlabel("value")


def _weights(axes: Any, weights: np.ndarray) -> None:
    counts, edges = np.histogram(weights.astype(np.float64), _BINS)
    axes.stairs(counts, edges, fill=True, color=_BLUE)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_title("weights")
    axes.set_xlabel("value")


def _channels(axes: Any, weights: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Draw the range of each output channel within that of its codes."""
    places = np.arange(len(weights))
    axes.vlines(places, low, high, color=_GREY, linewidth=4, label="codes")
    axes.vlines(
        places,
        weights.min(axis=1),
        weights.max(axis=1),
        color=_BLUE,
        linewidth=1.5,
        label="weights",
    )
    axes.set_title("ranges of the output channels")
    axes.set_xlabel("channel")
    axes.margins(y=0.2)
    axes.legend(loc="upper center", ncols=2)


def _finite(decibels: float) -> float:
    return min(max(decibels, 0.0), _TOP)


def _plain(name: str) -> str:
    """Return a name in characters that every font has."""
    return printable(name).encode("ascii", "backslashreplace").decode().replace("\n", " ")


def _short(name: str) -> str:
    """Return a name without its middle: converters join those of all that they fused."""
    plain = _plain(name)
    return plain if len(plain) <= _NAME else f"{plain[: _NAME - 15]}...{plain[-12:]}"


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
