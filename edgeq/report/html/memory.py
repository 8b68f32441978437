"""The arena over the layers of a program: a rectangle for each buffer, with the bound as a line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from edgeq.report.html.scales import byte_ticks, step_ticks

Facts = Mapping[str, Any]

# Shares of the chart below which there is no room for a label: on a wide screen, on a phone.
_WIDE = (0.07, 0.05)
_NARROW = (0.22, 0.05)
_CLEAR = 0.94  # the share of the axis that marks may take, below that of the arena


def timeline(facts: Facts) -> dict[str, Any]:
    """Return rectangles and lines in shares of the chart, from the left and from the bottom.

    The first column is what the caller writes before a run, the last what is left after it.
    """
    top = max(facts["arena"], facts["lower_bound"], 1)
    columns = len(facts["layers"]) + 2
    tensors = {port["name"] for layer in facts["layers"] for port in layer["outputs"]}
    ports = {port["name"] for role in ("inputs", "outputs") for port in facts[role]}
    boxes = []
    for buffer in facts["buffers"]:
        width = (buffer["last"] - buffer["first"] + 1) / columns
        height = buffer["bytes"] / top
        boxes.append(
            {
                "name": buffer["name"],
                "bytes": buffer["bytes"],
                "offset": buffer["offset"],
                "first": buffer["first"],
                "last": buffer["last"],
                "use": _use(buffer["name"], tensors, ports),
                "x": (buffer["first"] + 1) / columns,
                "y": 1 - (buffer["offset"] + buffer["bytes"]) / top,
                "width": width,
                "height": height,
                "label": _label(width, height),
            }
        )
    return {
        "boxes": boxes,
        "uses": [use for use in _USES if any(box["use"] == use for box in boxes)],
        "over": any(_is_over(a, b) for a, b in combinations(boxes, 2)),
        "arena": facts["arena"],
        "lower_bound": facts["lower_bound"],
        "gap": facts["arena"] - facts["lower_bound"],
        "bound_y": 1 - facts["lower_bound"] / top,
        "ticks": [(v, 1 - v / top) for v in byte_ticks(top) if v < _CLEAR * top],
        "steps": [(i, (i + 1.5) / columns) for i in step_ticks(len(facts["layers"]))],
    }


_USES = ("port", "tensor", "lines", "scratch")


def _use(name: str, tensors: set[str], ports: set[str]) -> str:
    """Return what a buffer is for; a name of the model may look like one of the planner's."""
    if name in ports:
        return "port"
    if name in tensors:
        return "tensor"
    return "scratch" if name.startswith("scratch of") else "lines"


def _is_over(a: Facts, b: Facts) -> bool:
    """Tell whether two buffers share bytes while both are there."""
    together = a["first"] <= b["last"] and b["first"] <= a["last"]
    ends = (a["offset"] + a["bytes"], b["offset"] + b["bytes"])
    return together and a["offset"] < ends[1] and b["offset"] < ends[0]


def _label(width: float, height: float) -> str:
    if width >= _NARROW[0] and height >= _NARROW[1]:
        return "always"
    return "wide" if width >= _WIDE[0] and height >= _WIDE[1] else ""
