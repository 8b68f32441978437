"""Executed instructions: what an emulator counted, by layers. They are exact; they are not time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from edgeq.errors import ToolchainError
from edgeq.ir.graph import Tensor
from edgeq.plan.program import Program

# Functions of runtime/runner.c: the first is where the counts are read, neither is counted.
_MARK = "edgeq_mark"
_UNCOUNTED = (_MARK, "edgeq_marked")
# Marks come in pairs, and the first pair stands around the whole network.
_BEFORE_LAYERS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One layer: its C function, kernel, place in the model, work, and executed instructions.

    ``outputs`` are the elements it writes: a measure of the work of layers that multiply nothing.
    """

    index: int
    symbol: str
    kernel: str
    source: str
    macs: int
    outputs: int
    instructions: int


@dataclass(frozen=True, slots=True)
class Instructions:
    """The layers in order; ``total`` are the instructions of a whole run.

    ``total`` is counted by itself: what calls the layers takes a few instructions too.
    """

    rows: tuple[Row, ...]
    total: int

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of one run."""
        return sum(row.macs for row in self.rows)

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(title="executed instructions")
        for heading in ("layer", "kernel", "source"):
            table.add_column(heading, overflow="fold")
        for heading in ("MACs", "instructions", "per MAC"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in self.rows:
            numbers = (f"{row.macs:,}", f"{row.instructions:,}", _per(row.instructions, row.macs))
            table.add_row(row.symbol, row.kernel, row.source, *numbers)
        table.add_section()
        numbers = (f"{self.macs:,}", f"{self.total:,}", _per(self.total, self.macs))
        table.add_row("total", "", "", *numbers)
        text = io.StringIO()
        Console(file=text, width=110, color_system=None, markup=False).print(table)
        return text.getvalue().rstrip()


@dataclass(frozen=True, slots=True)
class Counts:
    """What the plugin wrote: the count at each mark, and executions by address in its window."""

    marks: tuple[int, ...]
    addresses: Mapping[int, int]


def plugin_options(program: Path, window: int | None = None) -> tuple[str, ...]:
    """Return the options with which the plugin counts in a built program.

    ``window`` is the layer whose addresses are counted too. Raise ``ToolchainError`` for a program
    without symbols, or one that is moved when it is loaded.
    """
    ranges = _functions(program)
    options = [f"mark={ranges[_MARK][0]:#x}"]
    options += [f"skip={low:#x}-{high:#x}" for low, high in ranges.values()]
    if window is not None:
        options.append(f"window={_BEFORE_LAYERS * (window + 1)}")
    return tuple(options)


def read_counts(text: str) -> Counts:
    r"""Return what the plugin wrote.

    >>> read_counts("mark 5\nmark 12\npc 0x40 3\n").addresses
    {64: 3}
    """
    lines = [line.split() for line in text.splitlines()]
    return Counts(
        tuple(int(words[1]) for words in lines if words[0] == "mark"),
        {int(words[1], 16): int(words[2]) for words in lines if words[0] == "pc"},
    )


def by_layer(program: Program, tensors: Mapping[str, Tensor], marks: Sequence[int]) -> Instructions:
    """Return the table of a network from the counts at the marks of one run.

    Raise ``ToolchainError`` when there are not two for the network and two for each layer.
    """
    expected = _BEFORE_LAYERS * (1 + len(program.calls))
    if len(marks) != expected:
        raise ToolchainError(
            f"the emulator counted at {len(marks)} marks, not {expected}", where=program.name
        )
    total, *spent = (end - start for start, end in zip(marks[::2], marks[1::2], strict=True))
    rows = (
        Row(
            call.index,
            call.symbol,
            call.kernel,
            call.source,
            call.macs,
            sum(tensors[name].elements for name in call.outputs),
            count,
        )
        for call, count in zip(program.calls, spent, strict=True)
    )
    return Instructions(tuple(rows), total)


def _per(instructions: int, macs: int) -> str:
    return f"{instructions / macs:.3f}" if macs else ""


def _functions(path: Path) -> dict[str, tuple[int, int]]:
    """Return the addresses of the functions that the counting needs, from the symbol table."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            table = elf.get_section_by_name(".symtab")
            symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
            # The lowest bit of a Thumb function tells its instruction set.
            thumb = 1 if elf["e_machine"] == "EM_ARM" else 0
            found = {
                symbol.name: (symbol["st_value"] & ~thumb, symbol["st_size"])
                for symbol in symbols
                if symbol.name in _UNCOUNTED
            }
            fixed = elf["e_type"] == "ET_EXEC"
    except (ELFError, OSError) as error:
        raise ToolchainError(f"cannot read its symbols: {error}", where=str(path)) from error
    if len(found) != len(_UNCOUNTED) or not all(size for _, size in found.values()):
        raise ToolchainError("its functions cannot be told apart: no symbols", where=str(path))
    if not fixed:
        raise ToolchainError("its addresses are not those it was linked for", where=str(path))
    return {name: (start, start + size) for name, (start, size) in found.items()}
