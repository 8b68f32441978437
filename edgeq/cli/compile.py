"""``edgeq compile``: a model to a folder of C."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from edgeq import api
from edgeq.cli import models
from edgeq.cli.budget import Limits, check
from edgeq.cli.options import (
    Arena,
    Debug,
    Json,
    MaxFlash,
    MaxRam,
    Model,
    Numerics,
    Optimize,
    Quiet,
    Stream,
    Target,
    Threads,
)
from edgeq.cli.output import Output
from edgeq.emit.write import write_folder
from edgeq.ir.graph import Graph
from edgeq.ir.text import graph_text
from edgeq.options import Options
from edgeq.plan.program import Program
from edgeq.plan.text import program_text
from edgeq.report import facts, terminal

DumpIr = Annotated[
    bool, typer.Option("--dump-ir", help="Print the graph after each pass, and the program.")
]
MeasureStack = Annotated[
    bool,
    typer.Option(
        "--measure-stack",
        help="State the stack of the code that the target's compiler here makes, not a bound.",
    ),
]
Name = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--name", "-n", metavar="N", help="Prefix of everything in the C."),
]


def compile_model(
    ctx: typer.Context,
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="The folder to write.")],
    target: Target = "portable",
    name: Name = None,
    numerics: Numerics = None,
    threads: Threads = 1,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    arena: Arena = None,
    max_ram: MaxRam = None,
    max_flash: MaxFlash = None,
    measure_stack: MeasureStack = False,
    dump_ir: DumpIr = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a model as a folder of C that stands alone: code, header, self-test, example."""
    output, limits = Output.of(ctx), Limits.of(max_ram, max_flash)
    stages: list[dict[str, str]] = []
    choices = {**asdict(Options(threads, stream, optimize, arena)), "measure_stack": measure_stack}

    def observe(stage: str, value: object) -> None:
        step(stage)
        if dump_ir:
            stages.append(_dumped(output, stage, value))

    with output.working(f"compiling {model}", silent=dump_ir) as step:
        graph = models.load(model, numerics, target)
        observe("read", graph)
        with models.naming(model):
            program, files = api.generate(
                graph, target, name=name, numerics=numerics, **choices, observe=observe
            )
        check(model, graph, program, files, limits)
        write_folder(files, out)
    found = {"model": str(model), "out": str(out), **facts.project(program, files)}
    output.show({**found, **({"ir": stages} if dump_ir else {})}, *terminal.project(found))


def _dumped(output: Output, stage: str, value: object) -> dict[str, str]:
    """Return a stage with its text, printed unless all output is JSON."""
    text = _text(value)
    if not output.json:
        output.write(f"-- {stage}\n{text}\n")
    return {"stage": stage, "text": text}


def _text(value: object) -> str:
    if isinstance(value, Program):
        return program_text(value)
    return graph_text(value) if isinstance(value, Graph) else f"{value}\n"
