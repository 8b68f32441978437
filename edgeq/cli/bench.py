"""``edgeq bench``: where the time goes, or the instructions where an emulator has no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import typer

from edgeq import reference
from edgeq.cli import models
from edgeq.cli.options import (
    Arena,
    Compiler,
    Debug,
    Input,
    Json,
    Model,
    Numerics,
    Optimize,
    Quiet,
    Stream,
    Target,
)
from edgeq.cli.output import Output
from edgeq.host.compiled import Compiled
from edgeq.host.cross import cross_toolchain
from edgeq.host.profile import require_clock
from edgeq.host.toolchain import host_compiler
from edgeq.ir.graph import Graph
from edgeq.options import Options
from edgeq.report import measured, terminal
from edgeq.samples import load_inputs
from edgeq.targets import target as find_target


def bench_model(
    ctx: typer.Context,
    model: Model,
    target: Target = "host",
    compiler: Compiler = None,
    inputs: Input = None,
    numerics: Numerics = None,
    stream: Stream = "auto",
    optimize: Optimize = "speed",
    arena: Arena = None,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="Runs to time; instructions are exact.")
    ] = 25,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure each layer: time on this machine, executed instructions in an emulator."""
    output, options = Output.of(ctx), Options(1, stream, optimize, arena)
    with output.working(f"measuring {model}"):
        graph = models.load(model, numerics, target)
        builder = builder_of(target, compiler)
        arrays = load_inputs(inputs, graph)[0] if inputs else reference.sample_inputs(graph)
        lowered = models.lower(model, graph, numerics)
        compiled = models.compiled(model, graph, lowered, target, compiler, options)
        figures = measure(lowered, compiled, builder, arrays, repeats)
    found = {"model": str(model), **figures}
    table = terminal.executed if "counted" in found else terminal.timing
    output.show(found, *table(found))


def builder_of(target: str, compiler: str | None) -> str:
    """Return the version of the compiler for a target; raise an error where it cannot measure."""
    chosen = find_target(target)
    if chosen.is_emulated:
        return cross_toolchain(chosen, compiler).compiler.version
    require_clock(chosen)
    return host_compiler(compiler).version


def measure(
    lowered: Graph,
    compiled: Compiled,
    builder: str,
    arrays: Sequence[np.ndarray],
    repeats: int,
) -> dict[str, Any]:
    """Return what is measured of a network, and where; ``builder`` is the compiler's version."""
    chosen = find_target(compiled.target.name)
    runner = " ".join((chosen.runner or "", *chosen.runner_arguments))
    where = {"target": chosen.name, "runner": runner, "compiler": builder}
    counted = {"counted": chosen.counted} if chosen.is_emulated else {}
    return {**where, **counted, **_figures(lowered, compiled, arrays, repeats)}


def _figures(
    lowered: Graph, compiled: Compiled, arrays: Sequence[np.ndarray], repeats: int
) -> dict[str, Any]:
    """Return what is measured: instructions, memory and stack in an emulator, time here."""
    if not compiled.target.is_emulated:
        return measured.timing(compiled.profile(*arrays, repeats=repeats))
    build = compiled.build()
    return {
        **measured.executed(compiled.instructions(*arrays)),
        **measured.memory(lowered, compiled.program, build),
        **measured.stack(build.stack, compiled.painted_stack(*arrays)),
    }
