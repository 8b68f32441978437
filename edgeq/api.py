"""The whole pipeline on one screen: file to graph to program to C to a callable.

model = edgeq.load(path)
compiled = edgeq.compile(model, target="host")
y = compiled(x)
print(compiled.profile(x))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path

from edgeq import frontends, reference
from edgeq.emit.names import c_identifier
from edgeq.emit.project import project, sources
from edgeq.emit.sharing import Scope, share
from edgeq.emit.vectors import Vectors
from edgeq.emit.write import write_file
from edgeq.frontends.floats import require_integer
from edgeq.frontends.npz import graph_bytes
from edgeq.host.compiled import Compiled
from edgeq.host.figures import stack_figure
from edgeq.host.runners import compiled_for
from edgeq.ir.graph import Graph
from edgeq.ir.profiles import profile
from edgeq.memories import Memories
from edgeq.options import Options
from edgeq.passes.pipeline import run_passes
from edgeq.plan.plan import plan
from edgeq.plan.program import Program
from edgeq.targets import Target
from edgeq.targets import target as find_target

Observer = Callable[[str, object], None]

DEFAULT = Options()

# Of the self-test of a network that remembers something.
RUNS = 4


def load(path: str | PathLike[str]) -> Graph:
    """Return the verified graph of a model file (``.npz``, ``.tflite``, ``.onnx``, ``.pt2``)."""
    return frontends.load(Path(path))


def save(graph: Graph, path: str | PathLike[str]) -> None:
    """Write a graph as ``.npz`` (``edgeq/frontends/NPZ.md``); nothing is lost."""
    write_file(graph_bytes(graph), Path(path))


def lower(graph: Graph, numerics: str | None = None, observe: Observer | None = None) -> Graph:
    """Return the graph in finished integer arithmetic, under its own profile or ``numerics``."""
    name = numerics or graph.numerics
    profile(name)
    return run_passes(replace(require_integer(graph), numerics=name), observe=observe)


def program_of(
    graph: Graph,
    lowered: Graph,
    target: Target,
    name: str | None = None,
    options: Options = DEFAULT,
) -> Program:
    """Return the planned program of a lowered graph; its hash is that of the original."""
    named = replace(lowered, name=c_identifier(name or graph.name))
    program = plan(
        named,
        target.optimized(options.optimize),
        model_hash(graph),
        options.threads,
        options.memories,
        options.stream,
    )
    scope: Scope = "kernel" if options.optimize == "size" else "equal"
    return share(replace(program, optimize=options.optimize), scope)


def compile(
    graph: Graph,
    target: str | Target = "host",
    *,
    name: str | None = None,
    numerics: str | None = None,
    threads: int = 1,
    stream: str = "auto",
    optimize: str = "speed",
    arena: Memories | None = None,
) -> Compiled:
    """Return a callable that runs the generated C of ``graph``, here or in an emulator.

    ``Options`` explains what follows ``numerics``. The parts of layers run one after the other.
    Raise ``BudgetError`` where the network does not fit into ``arena``.
    """
    options = Options(threads, stream, optimize, arena)
    chosen = (find_target(target) if isinstance(target, str) else target).optimized(optimize)
    lowered = lower(graph, numerics)
    program = program_of(graph, lowered, chosen, name, options)
    return compiled_for(program, sources(program), lowered.tensors, chosen)


def generate(
    graph: Graph,
    target: str | Target = "portable",
    *,
    name: str | None = None,
    numerics: str | None = None,
    threads: int = 1,
    stream: str = "auto",
    optimize: str = "speed",
    arena: Memories | None = None,
    measure_stack: bool = False,
    observe: Observer | None = None,
) -> tuple[Program, dict[str, str]]:
    """Return the program and every file of the output folder, test vectors included.

    With ``threads`` the caller of the C may compute up to so many parts of a layer at a time;
    ``arena`` is that of ``compile``. With ``measure_stack`` the stack is not the bound of the
    target, but that of its compiler's code.
    """
    options = Options(threads, stream, optimize, arena)
    chosen = find_target(target) if isinstance(target, str) else target
    lowered = lower(graph, numerics, observe)
    program = program_of(graph, lowered, chosen, name, options)
    if measure_stack:
        found = stack_figure(sources(program), program.name, chosen.optimized(optimize))
        program = replace(program, stack=found.bytes, stack_of=found.lines)
    if observe is not None:
        observe("program", program)
    return program, project(program, lowered, vectors(lowered))


def vectors(lowered: Graph) -> tuple[Vectors, ...]:
    """Return a run of the reference with every tensor it computes; several where states matter."""
    seeds = range(RUNS if lowered.states else 1)
    inputs = [reference.sample_inputs(lowered, seed) for seed in seeds]
    runs = zip(inputs, reference.run_sequence(lowered, inputs), strict=True)
    return tuple(
        Vectors(arrays, tuple(tensors[name] for name in lowered.outputs), tensors)
        for arrays, tensors in runs
    )


def model_hash(graph: Graph) -> str:
    """Return the SHA-256 of the graph's content, whatever file format it came from."""
    return hashlib.sha256(graph_bytes(graph)).hexdigest()
