"""The table of ``edgeq quantize --explain``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgeq.quantize.explain import LayerLoss
from edgeq.report.plain import printable

# Below, a layer's noise is a hundredth of its signal.
POOR = 20.0
UNEVEN = 50.0
CLIPPED = 0.001


def losses(found: Sequence[LayerLoss]) -> Table:
    """Show the loss of each layer, the worst first, and what to try."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("layer", "kind"):
        table.add_column(name, overflow="fold")
    for name in ("isolated dB", "accumulated dB", "clipped", "channel ratio"):
        table.add_column(name, justify="right")
    table.add_column("try")
    for loss in found:
        ratio = "" if loss.channel_ratio is None else f"{loss.channel_ratio:.1f}"
        table.add_row(
            Text(printable(loss.layer)),
            loss.kind,
            f"{loss.isolated:.1f}",
            f"{loss.accumulated:.1f}",
            f"{loss.clipped:.3%}",
            ratio,
            advice(loss),
        )
    return table


def advice(loss: LayerLoss) -> str:
    """Return the option that is likeliest to help a layer, or "" where it needs none.

    Weights whose channels differ much lose under one scale; clipping is the observer's choice.
    """
    if loss.isolated >= POOR:
        return "--bias-correction" if loss.accumulated < POOR else ""
    if loss.clipped > CLIPPED:
        return "--observer minmax"
    if loss.channel_ratio is not None and loss.channel_ratio > UNEVEN:
        return "--equalize"
    return "--adaround" if loss.channel_ratio is not None else "--observer mse"
