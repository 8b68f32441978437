"""What several commands do with a model before they differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeq import api, frontends
from edgeq.cli.options import check_numerics, check_target
from edgeq.emit.project import sources
from edgeq.errors import EdgeqError
from edgeq.host.compiled import Compiled
from edgeq.host.runners import compiled_for
from edgeq.ir.graph import Graph
from edgeq.options import Options
from edgeq.plan.program import Program
from edgeq.targets import target as find_target


def load(
    path: Path,
    numerics: str | None,
    *targets: str,
    allow_float: bool = False,
) -> Graph:
    """Return the graph of a model, once the options are known to be right."""
    check_numerics(numerics)
    for target in targets:
        check_target(target)
    return frontends.load(path, allow_float=allow_float)


def lower(path: Path, graph: Graph, numerics: str | None) -> Graph:
    """Return the graph in finished integer arithmetic."""
    with naming(path):
        return api.lower(graph, numerics)


def program(
    path: Path, graph: Graph, lowered: Graph, target: str, options: Options = api.DEFAULT
) -> Program:
    """Return the planned program of a lowered graph."""
    with naming(path):
        return api.program_of(graph, lowered, find_target(target), options=options)


def compiled(
    path: Path,
    graph: Graph,
    lowered: Graph,
    target: str,
    compiler: str | None = None,
    options: Options = api.DEFAULT,
) -> Compiled:
    """Return the generated C of a lowered graph, built for its target."""
    planned = program(path, graph, lowered, target, options)
    chosen = find_target(target).optimized(options.optimize)
    ready = compiled_for(planned, sources(planned), lowered.tensors, chosen, compiler=compiler)
    ready.build()
    return ready


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors about a model name its file."""
    try:
        yield
    except EdgeqError as error:
        error.at(str(path))
        raise
