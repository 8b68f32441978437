"""Weights drawn: how often each code stands, and the range of each channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.report.html.network import TIMES, family

Facts = Mapping[str, Any]

BANDS = 128  # channels beyond are drawn several in a band, from the lowest to the highest
_HEIGHT = 100  # of both drawings, in their own units


def spreads(found: Sequence[Facts]) -> list[dict[str, Any]]:
    """Return the drawings of all weights, and the numbers beside them."""
    return [
        {
            **{key: w[key] for key in ("operation", "kind", "name", "channels", "range", "scale")},
            **{key: w[key] for key in ("channel_ratio", "zeros", "per_channel")},
            "family": family(w["kind"]),
            "shape": f"{w['dtype']} {TIMES.join(map(str, w['shape']))}",
            "bins": len(w["histogram"]),
            "histogram": _steps(w["histogram"]),
            "bands": min(BANDS, w["channels"]),
            "ranges": _bars(w["low"], w["high"]),
            "zero_y": _zero(w["low"], w["high"]),
        }
        for w in found
    ]


def _steps(counts: Sequence[int]) -> str:
    """Return the outline of bars of the width 1 as an SVG path.

    >>> _steps([1, 2])
    'M0 100V50H1V0H2V100Z'
    """
    most = max(counts, default=0) or 1
    tops = (f"V{_HEIGHT * (1 - count / most):.4g}H{i + 1}" for i, count in enumerate(counts))
    return f"M0 {_HEIGHT}{''.join(tops)}V{_HEIGHT}Z"


def _bars(low: Sequence[float], high: Sequence[float]) -> str:
    """Return a bar for each channel, or band of channels, from its lowest to its highest weight."""
    bottom, extent = _span(low, high)
    bands = min(BANDS, len(low))
    path = []
    for i in range(bands):
        part = slice(i * len(low) // bands, (i + 1) * len(low) // bands)
        ends = (_HEIGHT * (1 - (v - bottom) / extent) for v in (max(high[part]), min(low[part])))
        top, end = ends
        # A channel of zeros is still there.
        path.append(f"M{i + 0.1:g} {top:.4g}h.8V{max(end, top + 0.8):.4g}h-.8Z")
    return "".join(path)


def _zero(low: Sequence[float], high: Sequence[float]) -> float:
    bottom, extent = _span(low, high)
    return _HEIGHT * (1 + bottom / extent)


def _span(low: Sequence[float], high: Sequence[float]) -> tuple[float, float]:
    """Return the lowest number that is drawn, 0 or less, and how far up the highest is."""
    bottom, top = min(0.0, *low), max(0.0, *high)
    return bottom, (top - bottom) or 1.0
