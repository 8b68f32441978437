"""What quantization loses: signal to noise along the depth of the network, and the worst first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.report.html.network import family
from edgeq.report.html.scales import real_ticks, step_ticks
from edgeq.report.losses import CLIPPED, POOR, UNEVEN

Facts = Mapping[str, Any]

_SERIES = ("isolated", "accumulated")
_MARGIN = 3  # decibels beyond the lowest and the highest


def losses(facts: Facts, found: Sequence[Facts]) -> dict[str, Any]:
    """Return the worst layers first, and two curves in shares of the chart from its top left.

    Layers stand in the order of the operations of ``facts``. Decibels that are not finite, of a
    layer that loses nothing or is silent, are in the table and not in the chart.
    """
    places = {
        port["name"]: operation["index"]
        for operation in facts["operations"]
        for port in operation["outputs"]
    }
    rows = [
        {**row, "index": places.get(row["tensor"]), "family": family(row["kind"])} for row in found
    ]
    ordered = sorted((r for r in rows if r["index"] is not None), key=lambda r: r["index"])
    values = [row[key] for row in ordered for key in _SERIES if math.isfinite(row[key])]
    low = min([0.0, *(v - _MARGIN for v in values)])
    high = max([POOR, *values]) + _MARGIN
    count = len(facts["operations"]) or 1
    curves = {key: _curve(ordered, key, (low, high), count) for key in _SERIES}
    return {
        "rows": rows,
        "curves": curves,
        "lines": {key: _path(points) for key, points in curves.items()},
        "poor": POOR,
        "uneven": UNEVEN,
        "clipped": CLIPPED,
        "poor_y": _y(POOR, low, high),
        "ticks": [(value, _y(value, low, high)) for value in real_ticks(low, high)],
        "steps": [(i, (i + 0.5) / count) for i in step_ticks(count)],
        "last": ordered[-1] if ordered else None,
    }


def _curve(
    rows: Sequence[Facts], key: str, span: tuple[float, float], count: int
) -> list[dict[str, Any]]:
    return [
        {
            "x": (row["index"] + 0.5) / count,
            "y": _y(row[key], *span),
            "value": row[key],
            "name": row["layer"],
            "index": row["index"],
        }
        for row in rows
        if math.isfinite(row[key])
    ]


def _path(points: Sequence[Facts]) -> str:
    """Return the curve in a square of 1000 units."""
    return " ".join(f"{1000 * p['x']:.1f},{1000 * p['y']:.1f}" for p in points)


def _y(value: float, low: float, high: float) -> float:
    return 1 - (value - low) / (high - low)
