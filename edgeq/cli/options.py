"""The arguments that several commands share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Optional

import typer

from edgeq.cli.output import Output
from edgeq.errors import EdgeqError
from edgeq.ir.profiles import PROFILES
from edgeq.plan.plan import STREAM
from edgeq.targets import TARGETS
from edgeq.targets import target as find_target
from edgeq.targets.base import OPTIMIZATIONS


def _remember(context: typer.Context, param: typer.CallbackParam, value: bool) -> bool:
    """Keep a flag for the whole invocation; it may stand before or after the command's name."""
    if value:
        setattr(Output.of(context), str(param.name), True)
    return value


def check_target(name: str) -> str:
    """Return the name of a target; raise ``TargetError`` that suggests the nearest otherwise."""
    return find_target(name).name


def check_numerics(name: str | None) -> str | None:
    """Return the name of a profile; raise ``EdgeqError`` that suggests the nearest otherwise."""
    if name is None or name in PROFILES:
        return name
    near = difflib.get_close_matches(name, PROFILES, n=1)
    nearest = f"did you mean '{near[0]}'? " if near else ""
    raise EdgeqError(
        f"unknown numerics profile '{name}'", hint=f"{nearest}profiles: {', '.join(PROFILES)}"
    )


def _beginning(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]


def _complete_target(incomplete: str) -> list[str]:
    return _beginning(TARGETS, incomplete)


def _complete_optimize(incomplete: str) -> list[str]:
    return _beginning(OPTIMIZATIONS, incomplete)


def _complete_numerics(incomplete: str) -> list[str]:
    return _beginning(PROFILES, incomplete)


def _complete_stream(incomplete: str) -> list[str]:
    return _beginning(STREAM, incomplete)


Model = Annotated[Path, typer.Argument(metavar="MODEL", help=".npz, .tflite, .onnx or .pt2.")]
Target = Annotated[
    str,
    typer.Option(
        "--target", "-t", metavar="T", help="See 'edgeq targets'.", autocompletion=_complete_target
    ),
]
Targets = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--target", "-t", metavar="T", help="May be repeated; 'host' without."),
]
Numerics = Annotated[
    Optional[str],  # noqa: UP045  (typer evaluates this; Python 3.10 has no better spelling)
    typer.Option(
        "--numerics",
        metavar="P",
        help="Rounding profile instead of the model's own: " + ", ".join(PROFILES) + ".",
        autocompletion=_complete_numerics,
    ),
]
Input = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--input",
        "-i",
        metavar="X",
        help="An .npy, or an .npz with input0, ...; one leading axis more is a sequence of runs.",
    ),
]
MaxRam = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--max-ram", metavar="SIZE", help="Exit 4 if arena and stack are larger (64K)."),
]
MaxFlash = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--max-flash", metavar="SIZE", help="Exit 4 if code and data are larger (1M)."),
]
Arena = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--arena",
        metavar="M=SIZE,...",
        help="Memories for the arena, the preferred first (dtcm=64K,sram=256K); exit 4 if full.",
    ),
]
Threads = Annotated[
    int, typer.Option("--threads", min=1, max=64, help="Parts of a layer that may run at a time.")
]
Stream = Annotated[
    str,
    typer.Option(
        "--stream",
        metavar="WHEN",
        help="Run layers some rows at a time, for a smaller arena: auto, always, never.",
        autocompletion=_complete_stream,
    ),
]
Optimize = Annotated[
    str,
    typer.Option(
        "--optimize",
        metavar="O",
        help="speed, or size: layers share functions, and constants take less room.",
        autocompletion=_complete_optimize,
    ),
]
Compiler = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--compiler", metavar="C", help="Compiler command instead of the first found."),
]
Json = Annotated[bool, typer.Option("--json", help="Print figures as JSON.", callback=_remember)]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but errors.", callback=_remember)
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Print the traceback of an error.", callback=_remember)
]
