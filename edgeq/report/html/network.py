"""The rows of a network: ports and operations, in words and in the drawing beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.report.html.lanes import Node, draw

Facts = Mapping[str, Any]

TIMES = "\N{MULTIPLICATION SIGN}"

# What operations are drawn alike; all others move or convert numbers.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "convolution": ("conv2d",),
    "depthwise": ("depthwise_conv2d",),
    "dense": ("fully_connected", "lstm", "lstm_cell", "svdf"),
    "arithmetic": ("add", "mul"),
    "pooling": ("average_pool2d", "max_pool2d", "mean"),
    "function": ("softmax", "log_softmax", "logistic", "tanh", "relu", "hard_swish", "arg_max"),
}
_FAMILY = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
_WINDOWS = {"conv2d": (1, 2), "depthwise_conv2d": (1, 2)}  # their places in the weights' shape


def rows(facts: Facts) -> dict[str, Any]:
    """Return inputs, operations and outputs as rows, with the lines that join them."""
    ports = [_port("input", port) for port in facts["inputs"]]
    ends = [_port("output", port) for port in facts["outputs"]]
    found = [*ports, *map(_operation, facts["operations"]), *ends]
    nodes = (
        *(Node((), (port["name"],)) for port in facts["inputs"]),
        *(_node(operation) for operation in facts["operations"]),
        *(Node((port["name"],), ()) for port in facts["outputs"]),
    )
    drawing = draw(nodes)
    points = zip(found, drawing.xs, drawing.ys, strict=True)
    most = max((row["macs"] for row in found), default=0)
    return {
        "rows": [
            {**row, "x": x, "y": y, "share": _share(row["macs"], most)} for row, x, y in points
        ],
        "paths": drawing.paths,
        "width": drawing.width,
        "height": drawing.height,
        "families": [name for name in (*FAMILIES, "other") if _has(found, name)],
    }


def family(kind: str) -> str:
    """Return which operations one is drawn like.

    >>> family("conv2d"), family("reshape")
    ('convolution', 'other')
    """
    return _FAMILY.get(kind, "other")


def detail(operation: Facts) -> str:
    """Return what tells an operation from others of its kind, in few words.

    >>> detail({"kind": "max_pool2d", "weights": None,
    ...         "attributes": {"window": [2, 2], "stride": [2, 2], "activation": "none"}})
    '2\N{MULTIPLICATION SIGN}2, stride 2'
    """
    attributes = operation["attributes"]
    words = []
    window = attributes.get("window")
    if operation["kind"] in _WINDOWS and operation["weights"] is not None:
        window = [operation["weights"]["shape"][i] for i in _WINDOWS[operation["kind"]]]
    if window:
        words.append(TIMES.join(map(str, window)))
    for name in ("stride", "dilation"):
        pair = attributes.get(name)
        if isinstance(pair, list) and any(step != 1 for step in pair):
            words.append(f"{name} {TIMES.join(map(str, dict.fromkeys(pair)))}")
    if attributes.get("activation", "none") != "none":
        words.append(str(attributes["activation"]))
    return ", ".join(words)


def shape(port: Facts) -> str:
    """Return type and shape.

    >>> shape({"dtype": "int8", "shape": [1, 8]})
    'int8 1\N{MULTIPLICATION SIGN}8'
    """
    return f"{port['dtype']} {TIMES.join(map(str, port['shape'])) or 'scalar'}"


def shapes(ports: Sequence[Facts]) -> str:
    """Return types and shapes, equal ones once.

    >>> shapes([{"dtype": "int8", "shape": [8]}] * 3)
    '3 of int8 8'
    """
    counts = Counter(map(shape, ports))
    return ", ".join(f"{count} of {text}" if count > 1 else text for text, count in counts.items())


def _port(role: str, port: Facts) -> dict[str, Any]:
    return {
        "role": role,
        "index": None,
        "kind": role,
        "family": "port",
        "detail": "",
        "name": port["name"],
        "shape": shape(port),
        "macs": 0,
    }


def _operation(operation: Facts) -> dict[str, Any]:
    outputs = operation["outputs"]
    return {
        "role": "operation",
        "index": operation["index"],
        "kind": operation["kind"],
        "family": family(operation["kind"]),
        "detail": detail(operation),
        "name": ", ".join(port["name"] for port in outputs),
        "shape": shapes(outputs),
        "macs": operation["macs"],
    }


def _node(operation: Facts) -> Node:
    return Node(tuple(operation["inputs"]), tuple(port["name"] for port in operation["outputs"]))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _has(found: Sequence[Facts], name: str) -> bool:
    return any(row["family"] == name for row in found)
