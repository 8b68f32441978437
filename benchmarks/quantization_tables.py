"""Tables of ``quantization.py`` in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quantization_rows import Row
from quantization_tasks import Task

Found = Mapping[tuple[str, Row], Mapping[str, Any] | None]


def body(tasks: Sequence[Task], spreads: Sequence[float], rows: Sequence[Row], found: Found) -> str:
    """Return one table of the scores, a row per option, and one of the seconds."""
    head = ["", *(f"{task.name} ({task.metric})" for task in tasks)]
    lines = [_line(head), _line(["---"] * len(head))]
    counts = ["inputs", *(str(len(task.inputs)) for task in tasks)]
    lines.append(_line(counts))
    label = "largest over median range of a layer's channels, worst layer"
    lines.append(_line([label, *(f"{value:.0f}" for value in spreads)]))
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            lines.append(_line([f"**{part}**", *[""] * len(tasks)]))
        lines.append(_line([row.label, *(_score(found[task.name, row]) for task in tasks)]))
    lines += ["", "Seconds of one core that quantizing takes, with its calibration:", ""]
    lines += _seconds(tasks, rows, found)
    return "\n".join(lines)


def _seconds(tasks: Sequence[Task], rows: Iterable[Row], found: Found) -> list[str]:
    head = ["", *(f"{task.name}, {len(task.calibration)} samples" for task in tasks)]
    lines = [_line(head), _line(["---"] * len(head))]
    shown = set()
    for row in rows:
        quick = row.config is not None and not row.config.needs_calibration
        if row.config is None or quick or row.simulated or row.config in shown:
            continue
        shown.add(row.config)
        cells = [found[task.name, row] for task in tasks]
        label = f"{row.part}: {row.label}" if row.part else row.label
        lines.append(_line([label, *(f"{c['quantizing']:.1f}" if c else "" for c in cells)]))
    return lines


def _score(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ""
    score = float(cell["score"])
    return f"{score:.4f}" if score < 10 else f"{score:.1f}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
