"""Does a program fit the memory it was given, and if not, which layers are to blame."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgeq.errors import BudgetError
from edgeq.host.sizes import Symbol
from edgeq.ir.graph import Graph
from edgeq.plan.program import Program
from edgeq.report import arena
from edgeq.report.arena import Facts

POINTER = 4  # bytes, on the microcontrollers that budgets are for
_BLAMED = 3
# What belongs to a layer; first values of states belong to none.
_LAYER = re.compile(r"l\d+_")


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes that a program needs.

    ``ram`` is the arena, the context and the stack of a call; inputs and outputs are in the arena,
    states in the context.
    ``code`` is ``None`` where it was not compiled.
    """

    ram: int
    data: int
    code: int | None

    @property
    def flash(self) -> int:
        """Return constant data and what is known of the code."""
        return self.data + (self.code or 0)


def needs(program: Program, code: int | None) -> Needs:
    """Return what a program needs; ``code`` are bytes of compiled code, where they are known."""
    context = program.context_bytes(POINTER)
    return Needs(program.arena + context + program.stack, program.data_bytes, code)


def check_ram(lowered: Graph, program: Program, found: Needs, most: int | None) -> None:
    """Raise ``BudgetError`` that names the layer and the arrays when RAM is over ``most``."""
    if most is None or found.ram <= most:
        return
    step, alive = _peak(lowered, program)
    largest = sorted(alive, key=lambda buffer: -buffer["bytes"])[:_BLAMED]
    arrays = ", ".join(f"'{b['name']}' {b['bytes']:,}" for b in largest)
    raise BudgetError(
        f"it needs {found.ram:,} bytes of RAM, {found.ram - most:,} more than {most:,}: "
        f"most in layer {step}, {_source(program, step)}, with {arrays}",
        hint=f"arena {program.arena:,}, stack {program.stack:,}; 'edgeq inspect' shows the plan",
    )


def check_flash(
    program: Program, found: Needs, symbols: Iterable[Symbol], most: int | None
) -> None:
    """Raise ``BudgetError`` that names the largest layers when flash is over ``most``."""
    if most is None or found.flash <= most:
        return
    code = "" if found.code is None else f" and {found.code:,} of code"
    blamed = sorted(flash_by_layer(program, symbols).items(), key=lambda pair: -pair[1])[:_BLAMED]
    layers = ", ".join(f"layer {n}, {_source(program, n)}, {b:,}" for n, b in blamed)
    raise BudgetError(
        f"it needs {found.flash:,} bytes of flash, {found.flash - most:,} more than {most:,}: "
        f"{found.data:,} of data{code}; most in {layers}",
        hint="" if found.code is not None else "code was not compiled, so it is not counted",
    )


def ram_by_layer(lowered: Graph, program: Program) -> dict[int, int]:
    """Return the bytes of the arena that are alive in each layer, its working memory included."""
    found = arena.buffers(lowered, program)
    return {
        call.index: covered(b for b in found if b["first"] <= call.index <= b["last"])
        for call in program.calls
    }


def covered(buffers: Iterable[Facts]) -> int:
    """Return the bytes under buffers, those that several share once."""
    total, end = 0, ("", 0)
    for b in sorted(buffers, key=lambda b: (b["region"], b["offset"])):
        start = max((b["region"], b["offset"]), end)
        stop = (b["region"], b["offset"] + b["bytes"])
        total += max(0, stop[1] - start[1])
        end = max(end, stop)
    return total


def _peak(lowered: Graph, program: Program) -> tuple[int, list[Facts]]:
    """Return the layer in which the most bytes are alive, and what they are."""
    found = arena.buffers(lowered, program)
    alive = [[b for b in found if b["first"] <= call.index <= b["last"]] for call in program.calls]
    step = max(range(len(alive)), key=lambda i: sum(b["bytes"] for b in alive[i]))
    return step, alive[step]


def flash_by_layer(program: Program, symbols: Iterable[Symbol]) -> dict[int, int]:
    """Return the bytes of each layer: its constant arrays, and its functions where compiled."""
    total = dict.fromkeys(range(len(program.calls)), 0)
    for data in program.data:
        if _LAYER.match(data.name):
            total[_layer(data.name)] += data.array.nbytes
    for symbol in symbols:
        if symbol.kind == "code" and _LAYER.match(symbol.name):
            total[_layer(symbol.name)] += symbol.bytes
    return total


def _layer(name: str) -> int:
    return int(name[1 : name.index("_")])


def _source(program: Program, index: int) -> str:
    call = program.calls[index]
    return call.source or call.symbol
