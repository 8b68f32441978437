"""The tables of ``edgeq eval``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edgeq.evaluation.evaluate import Score
from edgeq.report.plain import printable

# From here on the preprocessing is likely to be another than the network's.
_OUTSIDE = 0.01


def scores(found: Sequence[Score]) -> tuple[RenderableType, ...]:
    """Show how well each network does, and how far it agrees with the first."""
    table = Table(title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in ("network", "engine"):
        table.add_column(heading, overflow="fold")
    first = found[0]
    columns = list(_columns(found))
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    table.title = f"{first.samples:,} samples" + (", compared with the first" * (len(found) > 1))
    for score in found:
        cells = _cells(score)
        name = Text(printable(score.network))
        table.add_row(name, score.engine, *(cells[heading] for heading in columns))
    return (table, *_warnings(found))


def _columns(found: Sequence[Score]) -> Iterator[str]:
    if found[0].metric is not None:
        yield found[0].metric
    if found[0].low is not None:
        yield "95 % confidence"
    if len(found) > 1:
        yield "equal"
        if any(score.same_class is not None for score in found):
            yield "same class"
        if any(score.difference is not None for score in found):
            yield "largest difference"
    yield "seconds"


def _cells(score: Score) -> dict[str, str]:
    """Return every cell by its heading; empty ones where a figure has no meaning."""
    interval = ""
    if score.low is not None and score.high is not None:
        interval = f"{score.low:.4f} to {score.high:.4f}"
    return {
        str(score.metric): "" if score.value is None else _figure(score),
        "95 % confidence": interval,
        "equal": _percent(score.equal),
        "same class": _percent(score.same_class),
        "largest difference": "" if score.difference is None else f"{score.difference:.4g}",
        "seconds": f"{score.seconds:.1f}",
    }


def _figure(score: Score) -> str:
    return f"{score.value:.4f}" if score.metric not in ("mse", "mae") else f"{score.value:.6g}"


def _percent(share: float | None) -> str:
    """Return a share that is shown as all or nothing only where it is that."""
    if share is None:
        return ""
    return f"{share:.2%}" if share in (0.0, 1.0) else f"{min(max(share, 1e-4), 0.9999):.2%}"


def _warnings(found: Sequence[Score]) -> Iterator[Text]:
    shares = {score.network: score.outside for score in found}
    for name, share in shares.items():
        if share > _OUTSIDE:
            yield Text(
                f"{share:.1%} of the input values are beyond what {printable(name)} can represent:"
                " is the preprocessing (--scale, --mean, --std) the one it was made for?",
                "yellow",
            )
