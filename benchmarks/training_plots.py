"""Drawings of ``training.py``: losses, ranges over time, accuracy against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engines import package
from training_rows import NORMS, RANGES, WIDTHS, floats, qat
from training_tables import Costs, Found

import edgeq.train

SMOOTH = 40  # steps that a point of a loss curve is the mean of
STRIDE = 10


def draw(found: Found, costs: Costs, histories: Path, folder: Path) -> None:
    """Write every drawing of which something is known."""
    package("matplotlib").use("svg")
    # The same figures give the same file; letters stay letters.
    package("matplotlib").rcParams.update({"svg.hashsalt": "edgeq", "svg.fonttype": "none"})
    folder.mkdir(parents=True, exist_ok=True)
    if any(experiment in found for _, experiment in NORMS):
        losses(found, folder / "training-batch-norm.svg")
    if all(network in costs and floats(network) in found for network in WIDTHS):
        widths(found, costs, folder / "training-widths.svg")
    if RANGES in found:
        history = edgeq.train.History(histories / f"{found[RANGES]['key']}.jsonl")
        history.plot(folder / "training-ranges.svg")


def losses(found: Found, path: Path) -> None:
    """Draw losses and accuracies over the steps, for each way of folding normalizations."""
    figure, (left, right) = panels()
    for label, experiment in NORMS:
        if experiment in found:
            record = found[experiment]
            smooth = means(record["losses"])
            steps = range(SMOOTH, SMOOTH + STRIDE * len(smooth), STRIDE)
            left.plot(steps, smooth, label=label, linewidth=1)
            along = [100 * value for value in record["accuracies"]]
            steps = range(
                experiment.watched, experiment.watched * (len(along) + 1), experiment.watched
            )
            right.plot(steps, along, label=label, linewidth=1)
    left.set_ylabel(f"loss, mean of {SMOOTH} steps")
    right.set_ylabel("deployed accuracy, %, 1000 images")
    for axes in (left, right):
        axes.set_xlabel("step")
    right.legend(fontsize="small")
    save(figure, path)


def means(values: Sequence[float]) -> list[float]:
    """Return moving means, one for every few steps."""
    ends = range(SMOOTH, len(values) + 1, STRIDE)
    return [sum(values[end - SMOOTH : end]) / SMOOTH for end in ends]


def widths(found: Found, costs: Costs, path: Path) -> None:
    """Draw accuracy over milliseconds and over instructions, a line for each engine."""
    figure, (left, right) = panels()
    known = [n for n in WIDTHS if qat()(n) in found]
    integer = [100 * found[qat()(n)]["accuracy"] for n in known]
    real = [100 * found[floats(n)]["accuracy"] for n in known]
    lines: tuple[tuple[Any, str, Sequence[float], Sequence[Any]], ...] = (
        (left, "int8, edgeq", integer, [costs[n]["ms"]["edgeq"] for n in known]),
        (left, "int8, ONNX Runtime", integer, [costs[n]["ms"]["onnxruntime"] for n in known]),
        (left, "float, ONNX Runtime", real, [costs[n]["ms"]["onnxruntime_float"] for n in known]),
        (right, "int8, Cortex-M4", integer, millions(costs, known, "cortex-m4", "instructions")),
        (
            right,
            "int8, AArch64",
            integer,
            millions(costs, known, "aarch64-dotprod", "instructions"),
        ),
        (
            right,
            "float (ONNX Runtime), AArch64",
            real,
            millions(costs, known, "aarch64-dotprod", "float_instructions"),
        ),
    )
    for axes, label, ys, xs in lines:
        if None not in xs:
            axes.plot(xs, ys, marker="o", markersize=3, linewidth=1, label=label)
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
    for axes, label in ((left, "ms here, one thread"), (right, "millions of instructions")):
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        inside = [x for x in ticks if low < x < high]
        axes.minorticks_off()
        axes.set_xticks(inside, [f"{x:g}" for x in inside])
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")
        axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1))
    save(figure, path)


def millions(costs: Costs, networks: Sequence[Any], target: str, what: str) -> list[float | None]:
    """Return counts in millions; ``None`` for what was not counted."""
    found: list[Mapping[str, Any]] = [costs[network][target] for network in networks]
    return [record[what] / 1e6 if what in record else None for record in found]


def panels() -> Any:
    """Return a figure with two axes side by side."""
    figure = package("matplotlib.figure").Figure(figsize=(9, 3.5), layout="constrained")
    return figure, figure.subplots(1, 2)


def save(figure: Any, path: Path) -> None:
    """Write a file that the same figures give again."""
    figure.savefig(path, metadata={"Date": None})
