"""What each layer of a program costs on its target: counted from the plan, or measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.report.html.network import TIMES

Facts = Mapping[str, Any]


def layers(facts: Facts, bench: Facts | None) -> dict[str, Any]:
    """Return the layers of a target with what they take, and what that was read from.

    Without measurements the bars are multiply-accumulates, and ``unit`` says so.
    """
    seen = _measured(bench)
    costs = [layer["macs"] for layer in facts["layers"]] if seen is None else seen["costs"]
    most, total = max(costs, default=0) or 1, sum(costs) or 1
    members, kernels = _members(facts["operations"]), _kernels(facts["operations"])
    rows = [
        {
            "index": layer["index"],
            "function": layer["function"],
            "kernels": kernels.get(layer["index"], [layer["kernel"]]),
            "in_rows": layer["kernel"] == "stage",
            "does": members.get(layer["index"], layer["kind"]),
            "macs": layer["macs"],
            "cost": cost,
            "per_mac": None if seen is None or not layer["macs"] else cost / layer["macs"],
            "bar": cost / most,
            "share": cost / total,
            "ram": layer["ram"],
        }
        for layer, cost in zip(facts["layers"], costs, strict=True)
    ]
    return {
        "rows": rows,
        "unit": "MACs" if seen is None else seen["unit"],
        "total": facts["macs"] if seen is None else seen["total"],
        "macs": facts["macs"],
        "measured": seen is not None,
        "how": "" if seen is None or bench is None else f"{bench['runner']}, {bench['compiler']}",
        "absent": "" if bench is None else bench.get("error", ""),
        "exact": seen is not None and seen["exact"],
    }


def flash(facts: Facts, bench: Facts | None) -> dict[str, Any]:
    """Return the flash of each layer: constants of the plan, and compiled code where measured."""
    memory = None if bench is None or "memory" not in bench else bench["memory"]
    constants = [layer["flash_data"] for layer in facts["layers"]]
    whole = constants if memory is None else [row["flash"] for row in memory]
    total = facts["flash_data"] if memory is None else bench["flash"]  # type: ignore[index]
    most, members = max(whole, default=0) or 1, _members(facts["operations"])
    rows = [
        {
            "index": layer["index"],
            "does": members.get(layer["index"], layer["kind"]),
            "function": layer["function"],
            "constants": data,
            "code": size - data,
            "bytes": size,
            "data_bar": data / most,
            "code_bar": (size - data) / most,
            "share": size / (total or 1),
        }
        for layer, data, size in zip(facts["layers"], constants, whole, strict=True)
    ]
    return {
        "rows": rows,
        "total": total,
        "shared": total - sum(whole),
        "compiled": memory is not None,
    }


def _measured(bench: Facts | None) -> dict[str, Any] | None:
    """Return executed instructions or packets, or times, of each layer and of the whole."""
    if bench is None or "error" in bench:
        return None
    key, exact = ("instructions", True) if "counted" in bench else ("ns", False)
    return {
        "costs": [row[key] for row in bench["layers"]],
        "total": bench[f"total_{key}"],
        "unit": bench["counted"] if exact else "ns",
        "exact": exact,
    }


def _members(operations: Sequence[Facts]) -> dict[int, str]:
    """Return in words which operations each layer runs.

    >>> rows = [{"layer": 0, "kind": kind} for kind in ("pad", "conv2d", "conv2d")]
    >>> _members(rows)
    {0: 'pad, 2\N{MULTIPLICATION SIGN} conv2d'}
    """
    kinds: dict[int, Counter[str]] = {}
    for operation in operations:
        if operation["layer"] is not None:
            kinds.setdefault(operation["layer"], Counter())[operation["kind"]] += 1
    return {
        index: ", ".join(f"{n}{TIMES} {kind}" if n > 1 else kind for kind, n in found.items())
        for index, found in kinds.items()
    }


def _kernels(operations: Sequence[Facts]) -> dict[int, list[str]]:
    """Return the kernels of each layer, those of all its operations."""
    found: dict[int, dict[str, None]] = {}
    for operation in operations:
        if operation["layer"] is not None:
            found.setdefault(operation["layer"], {}).update(dict.fromkeys(operation["kernels"]))
    return {index: list(kernels) for index, kernels in found.items()}
