"""The commands by name, and what stands around all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from edgeq.cli.bench import bench_model
from edgeq.cli.compile import compile_model
from edgeq.cli.convert import convert_model
from edgeq.cli.eval import evaluate_model
from edgeq.cli.guard import guarded, silence
from edgeq.cli.inspect import inspect_model
from edgeq.cli.listings import list_operations, list_targets, list_tools
from edgeq.cli.options import Debug, Json, Quiet
from edgeq.cli.quantize import quantize_model
from edgeq.cli.report import report_model
from edgeq.cli.run import run_model
from edgeq.cli.verify import verify_model
from edgeq.version import VERSION

COMMANDS: Mapping[str, Callable[..., None]] = {
    "compile": compile_model,
    "run": run_model,
    "verify": verify_model,
    "inspect": inspect_model,
    "bench": bench_model,
    "convert": convert_model,
    "eval": evaluate_model,
    "quantize": quantize_model,
    "report": report_model,
    "ops": list_operations,
    "targets": list_targets,
    "doctor": list_tools,
}

app = typer.Typer(
    name="edgeq",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"edgeq {VERSION}")
        raise typer.Exit


@app.callback()
def _edgeq(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compile quantized neural networks to C that stands alone and gives the same bits."""


for _name, _command in COMMANDS.items():
    app.command(_name)(guarded(_command))


def run() -> int:
    """Run the command line on ``sys.argv`` and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name from a model must not stop a terminal of another encoding.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="edgeq")
    except SystemExit as end:
        return _finish(end.code if isinstance(end.code, int) else 0)
    return _finish(0)


def _finish(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return silence()
    return code
