"""``edgeq convert``: any front end's model to edgeq's own format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeq.cli import models
from edgeq.cli.options import Debug, Json, Quiet
from edgeq.cli.output import Output
from edgeq.emit.write import write_file
from edgeq.frontends.nchw.ports import channels_last_ports
from edgeq.frontends.npz import graph_bytes
from edgeq.report import facts, terminal


def convert_model(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="SRC", help=".npz, .tflite, .onnx or .pt2.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL.npz", help="The new file.")],
    nhwc: Annotated[
        bool, typer.Option("--nhwc", help="Take and give images channels last, uncopied.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a model as .npz, which numpy.load reads and every command takes."""
    output = Output.of(ctx)
    with output.working(f"converting {source}"):
        graph = models.load(source, None, allow_float=True)
        graph = channels_last_ports(graph) if nhwc else graph
        write_file(graph_bytes(graph), out)
    found = {"model": str(source), "output": str(out), **facts.contents(graph)}
    output.show(found, *terminal.contents(found))
