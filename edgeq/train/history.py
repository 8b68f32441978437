"""Numbers over the steps of a training, kept in a file that outlives it, and their plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edgeq.emit.write import write_file
from edgeq.errors import EdgeqError, ModelError

Row = dict[str, float]

# So that the same numbers give the same file.
_UNDATED: Mapping[str, dict[str, None]] = {".png": {"Software": None}, ".svg": {"Date": None}}


class History:
    """Scalars by step. ``path`` is a file of JSON lines that a resumed run goes on writing."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.rows: dict[int, Row] = {}
        if self.path.exists():
            self._read()

    def record(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add the numbers of one step, in place of older ones of it or of any later step.

        A run that was killed after its last checkpoint comes past such steps again.
        """
        if any(old >= step for old in self.rows):
            self.rows = {old: row for old, row in self.rows.items() if old < step}
            self._write()
        self.rows[step] = {name: float(value) for name, value in scalars.items()}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(step, self.rows[step]))

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Return the steps at which a scalar was recorded, and its values."""
        steps = [step for step, row in self.rows.items() if name in row]
        return steps, [self.rows[step][name] for step in steps]

    def plot(self, path: str | Path, prefix: str = "range/") -> None:
        """Draw the scalars whose names begin with ``prefix`` over the steps, into an image file.

        Both ends of a range have one colour. Raise ``EdgeqError`` without matplotlib.
        """
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError:
            raise EdgeqError("plots need matplotlib", hint="pip install 'edgeq[plots]'") from None
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.subplots()
        colours: dict[str, str] = {}
        for name in sorted({name for row in self.rows.values() for name in row}):
            if name.startswith(prefix):
                short = name[len(prefix) :] or name
                label = short.removesuffix("/low").removesuffix("/high")
                shown = None if label in colours else label
                colour = colours.setdefault(label, f"C{len(colours) % 10}")
                axes.plot(*self.series(name), color=colour, label=shown, linewidth=1)
        axes.set_xlabel("step")
        if colours:
            axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
        with rc_context({"svg.hashsalt": "edgeq"}):
            figure.savefig(Path(path), metadata=_UNDATED.get(Path(path).suffix.lower()))

    def _read(self) -> None:
        *lines, unfinished = self.path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                step = int(row.pop("step"))
                self.rows[step] = {name: float(row[name]) for name in row}
            except (ValueError, KeyError, AttributeError, TypeError):
                where = f"{self.path}:{number}"
                raise ModelError("no history of a training", where=where) from None
        if unfinished:
            # The run was killed while it wrote this line.
            self._write()

    def _write(self) -> None:
        lines = (_line(step, row) for step, row in self.rows.items())
        write_file("".join(lines).encode(), self.path)


def _line(step: int, row: Row) -> str:
    return json.dumps({"step": step, **row}) + "\n"
