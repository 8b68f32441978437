"""The tables of ``edgeq inspect --weights`` and of ``edgeq report``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgeq.report.operations import Facts
from edgeq.report.plain import printable


def weights(found: Sequence[Facts]) -> Table:
    """Show how the weights of each operation are spread, in the network's order."""
    shown = Table(box=None, pad_edge=False, header_style="bold", title="weights")
    shown.title_justify = "left"
    shown.add_column("#")
    for name in ("weights", "shape"):
        shown.add_column(name, overflow="fold")
    for name in ("channels", "lowest", "highest", "channel ratio", "zeros"):
        shown.add_column(name, justify="right")
    for row in found:
        low, high = row["range"]
        shown.add_row(
            str(row["operation"]),
            Text(printable(row["name"])),
            f"{row['dtype']} {'x'.join(map(str, row['shape']))}",
            f"{row['channels']:,}",
            f"{low:.4g}",
            f"{high:.4g}",
            f"{row['channel_ratio']:.1f}",
            f"{row['zeros']:.1%}",
        )
    return shown


def written(facts: Facts) -> Table:
    """Show where a page was written, and what is on it."""
    targets = [plan["target"] for plan in facts["inspect"] if plan["target"] is not None]
    rows = [("model", facts["model"]), ("targets", ", ".join(targets) or "none: floating point")]
    for bench in facts["bench"]:
        if bench is not None and "error" in bench:
            rows.append(("not measured", f"{bench['target']}: {bench['error']}"))
    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in (*rows, ("written to", facts["output"])):
        shown.add_row(name, Text(printable(value)))
    return shown
