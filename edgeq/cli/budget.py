"""``--max-ram`` and ``--max-flash``: measure a program before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.cli import models
from edgeq.errors import ToolchainError
from edgeq.host.runners import compiled_for
from edgeq.host.sizes import Symbol, flash_bytes, symbols
from edgeq.ir.graph import Graph
from edgeq.memories import size
from edgeq.plan.program import Program
from edgeq.report import budget
from edgeq.targets import target as find_target


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes of RAM and of flash; ``None`` for no limit."""

    ram: int | None
    flash: int | None

    @classmethod
    def of(cls, ram: str | None, flash: str | None) -> Limits:
        """Return limits from what the command line has; raise ``EdgeqError`` for a bad size."""
        known = (None if text is None else size(text) for text in (ram, flash))
        return cls(*known)


def check(
    path: Path, graph: Graph, program: Program, files: Mapping[str, str], limits: Limits
) -> None:
    """Raise ``BudgetError`` when a program is over its limits."""
    if limits == Limits(None, None):
        return
    lowered = models.lower(path, graph, program.numerics)
    code, found = (None, ()) if limits.flash is None else _code(program, lowered, files)
    needs = budget.needs(program, code)
    with models.naming(path):
        budget.check_ram(lowered, program, needs, limits.ram)
        budget.check_flash(program, needs, found, limits.flash)


def _code(
    program: Program, lowered: Graph, files: Mapping[str, str]
) -> tuple[int | None, tuple[Symbol, ...]]:
    """Return the bytes of compiled code and its functions; no bytes where nothing compiles it."""
    target = find_target(program.target).optimized(program.optimize)
    try:
        build = compiled_for(program, files, lowered.tensors, target).build()
    except ToolchainError:
        return None, ()
    return flash_bytes(build.objects)["code"], symbols(build.objects)
