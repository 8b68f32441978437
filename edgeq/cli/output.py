"""Where a command's words go: results to stdout, errors and progress to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.progress import track
from rich.text import Text

from edgeq.report.plain import printable

Item = TypeVar("Item")
Some = TypeVar("Some", covariant=True)

# The width of tables where there is no terminal to fit into: lines that stay whole are searched.
_FILE_WIDTH = 240


class Counted(Protocol[Some]):
    """Items that are known in number before the first is there."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Some]: ...


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@dataclass(slots=True)
class Output:
    """What the user asked for with ``--json``, ``--quiet`` and ``--debug``, and how to obey."""

    json: bool = False
    quiet: bool = False
    debug: bool = False

    @staticmethod
    def of(context: typer.Context) -> Output:
        """Return the settings of this invocation, given before or after the command's name."""
        return context.ensure_object(Output)

    def show(self, facts: Any, *tables: RenderableType) -> None:
        """Print the facts as JSON, or the tables that show them."""
        if self.json:
            text = json.dumps(_plain(facts), indent=2, allow_nan=False)
            sys.stdout.write(text + "\n")
        elif not self.quiet:
            console = _Console(width=None if sys.stdout.isatty() else _file_width())
            for index, table in enumerate(tables):
                if index:
                    console.print()
                console.print(table)

    def write(self, text: str) -> None:
        """Print text as it is."""
        sys.stdout.write(text)

    @contextmanager
    def working(self, label: str, *, silent: bool = False) -> Iterator[Callable[[str], None]]:
        """Show that something goes on; the block may call what it gets with the current step."""
        if silent or not self._shows_progress:
            yield _ignore
            return
        # As text: a file's name may look like markup.
        with _Console(stderr=True).status(Text(printable(label))) as status:
            yield lambda step: status.update(Text(printable(f"{label}: {step}")))

    def each(self, items: Counted[Item], label: str) -> Iterable[Item]:
        """Yield the items and show how many are done."""
        if not self._shows_progress or len(items) == 1:
            return items
        return track(items, label, len(items), console=_Console(stderr=True), transient=True)

    @property
    def _shows_progress(self) -> bool:
        # Not rich's own answer alone: FORCE_COLOR turns that on for files.
        return not self.quiet and sys.stderr.isatty() and _Console(stderr=True).is_interactive


def _ignore(step: str) -> None:
    """Do nothing with a step that nobody watches."""


def _file_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) > 0 else _FILE_WIDTH


def _plain(value: Any) -> Any:
    """Return data that JSON has: NaN and infinities, which it has not, as text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
