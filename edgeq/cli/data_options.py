"""The options that say what data is and how pictures become inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from edgeq.data.dataset import Dataset, open_data
from edgeq.data.preprocessing import COLORS, CROPS, FILTERS, LAYOUTS, Preprocessing
from edgeq.errors import EdgeqError
from edgeq.ir.graph import Graph

_PANEL = "Pictures and labels"
_NAMES = ("resize", "filter", "crop", "color", "layout", "scale", "mean", "std", "arrays")


def _text(name: str, metavar: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=text, rich_help_panel=_PANEL)


Text = Optional[str]  # noqa: UP045
File = Optional[Path]  # noqa: UP045

Resize = Annotated[
    Text, _text("resize", "WxH", "Resize pictures: 224x224, or 256 for the shorter side.")
]
Filter = Annotated[Text, _text("filter", "F", f"How to resize: {', '.join(FILTERS)} (bilinear).")]
Crop = Annotated[
    Text, _text("crop", "HOW", f"Cut out what the input takes: {', '.join(CROPS)} (none).")
]
Color = Annotated[Text, _text("color", "C", f"Channels: {', '.join(COLORS)} (the input's).")]
Layout = Annotated[Text, _text("layout", "L", f"Place: {', '.join(LAYOUTS)} (the input's).")]
Scale = Annotated[
    Text,
    _text("scale", "LOW..HIGH", "What pixels 0 and 255 become (0..255); input: its codes' range."),
]
Mean = Annotated[Text, _text("mean", "M[,M,M]", "Subtract, after --scale.")]
Std = Annotated[Text, _text("std", "S[,S,S]", "Divide by, after --mean.")]
Arrays = Annotated[
    Text, _text("arrays", "X[,Y]", "Names of the arrays in an .npz instead of x and y.")
]
Labels = Annotated[
    File, _text("labels", "L", "Lines PICTURE LABEL, a folder of masks, or an .npy for arrays.")
]
Classes = Annotated[
    File, _text("classes", "F", "Names of the classes, one a line; else class folders sorted.")
]


def opened(path: Path, graph: Graph, given: Mapping[str, Any], limit: int | None) -> Dataset:
    """Return the data at ``path`` under a command's parameters, labelled where it has --labels."""
    names = tuple(filter(None, (given["arrays"] or "").split(",")))
    return open_data(
        path,
        graph,
        Preprocessing.of(given),
        labels=given.get("labels"),
        classes=given.get("classes"),
        arrays=names,
        limit=limit,
        labelled="labels" in given,
    )


def words(given: Mapping[str, Any]) -> list[str]:
    """Return the options about data that were given, as they stand on a command line."""
    return [w for name in _NAMES if given.get(name) is not None for w in (f"--{name}", given[name])]


def refuse_without_data(given: Mapping[str, Any]) -> None:
    """Raise ``EdgeqError`` for options about data where no data is given."""
    stray = words(given)[::2]
    if stray:
        raise EdgeqError(f"{', '.join(stray)} without data", hint="leave it out")
