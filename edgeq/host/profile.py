"""The time of each layer, measured on this machine."""

from __future__ import annotations

import io
from dataclasses import dataclass

from edgeq.errors import TargetError
from edgeq.targets.base import Target


def require_clock(target: Target) -> None:
    """Raise ``TargetError`` unless code for ``target`` has a time on this machine."""
    if target.is_native and not target.is_modelled:
        return
    reason = f": an emulator's time says nothing about it, and {target.runner} has no other"
    if target.is_modelled:
        reason = ": the processor lacks its instructions, and a model of them has no time"
    raise TargetError(
        f"no time can be measured for target '{target.name}'{reason if target.runner else ''}",
        hint="measure 'host' or 'portable'"
        + ("; 'edgeq bench' counts its executed instructions" if target.is_emulated else ""),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One layer: its C function, kernel, place in the model, work, and median time in ns."""

    index: int
    symbol: str
    kernel: str
    source: str
    macs: int
    ns: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The layers in order; ``total`` is the median time of whole runs in ns.

    ``total`` is measured by itself, not summed: reading the clock between layers takes time too.
    """

    rows: tuple[Row, ...]
    total: int
    repeats: int

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of one run."""
        return sum(row.macs for row in self.rows)

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(title=f"median of {self.repeats} runs")
        for heading in ("layer", "kernel", "source"):
            table.add_column(heading, overflow="fold")
        for heading in ("MACs", "us", "share"):
            table.add_column(heading, justify="right", no_wrap=True)
        spent = sum(row.ns for row in self.rows) or 1
        for row in self.rows:
            share = f"{100 * row.ns / spent:.1f} %"
            table.add_row(
                row.symbol, row.kernel, row.source, f"{row.macs:,}", f"{row.ns / 1e3:,.1f}", share
            )
        table.add_section()
        table.add_row("total", "", "", f"{self.macs:,}", f"{self.total / 1e3:,.1f}", "")
        text = io.StringIO()
        Console(file=text, width=110, color_system=None, markup=False).print(table)
        return text.getvalue().rstrip()
