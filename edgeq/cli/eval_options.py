"""The options of ``edgeq eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edgeq.evaluation.engines import ENGINES
from edgeq.evaluation.metrics import NAMES

Data = Annotated[
    Path,
    typer.Option(
        "--data", "-d", metavar="D", help="Pictures in class folders, or an .npz with x and y."
    ),
]
Metric = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--metric",
        metavar="M",
        help=f"{', '.join(NAMES)} or MODULE:FUNCTION; else what suits the labels.",
    ),
]
Against = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--against", metavar="OTHER", help="Another model; may be repeated."),
]
Engine = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--engine",
        metavar="E",
        help=f"{', '.join(ENGINES)}; may be repeated. C without, for float models reference.",
    ),
]
Samples = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--samples", min=1, metavar="N", help="Only N: of pictures evenly spread."),
]
