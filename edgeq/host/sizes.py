"""Measure what compiled code takes: flash from object files, stack from compiler reports."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from edgeq.errors import ToolchainError

T = TypeVar("T")
PathLike = str | os.PathLike[str]

# Sections that are stored in flash, by the start of their name; the rest is debugging and notes.
_KINDS = {".text": "code", ".rodata": "data", ".data": "data"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function (``kind`` is ``"code"``) or constant (``"data"``) and its size in bytes."""

    name: str
    kind: str
    bytes: int


def flash_bytes(objects: Iterable[PathLike]) -> dict[str, int]:
    """Return the flash that object files fill: ``{"code": bytes, "data": bytes}``.

    Code is ``.text*``; data is ``.rodata*`` and ``.data*`` (``.data.rel.ro`` among them). Raise
    ``ToolchainError`` for a file that is not ELF.
    """
    total = {"code": 0, "data": 0}
    for path in objects:
        for section in _open(path, _sections):
            total[_kind(section.name)] += section.bytes
    return total


def symbols(objects: Iterable[PathLike]) -> tuple[Symbol, ...]:
    """Return every function and constant of object files, the largest first."""
    found = [symbol for path in objects for symbol in _open(path, _symbols)]
    return tuple(sorted(found, key=lambda symbol: (-symbol.bytes, symbol.name)))


def stack_bytes(reports: Iterable[PathLike]) -> int:
    """Return a bound on the stack of generated code, from the compiler's ``.su`` reports.

    The call graph is flat: a public function calls at most one other public function, which calls
    one layer, which calls primitives that call nothing further. So the two largest public frames,
    the largest layer frame and the largest primitive frame bound every path; what the compiler
    inlined is inside its caller's frame. C library functions such as ``memcpy`` are not counted.
    Raise ``ToolchainError`` for a frame without a bound.
    """
    frames: dict[str, list[int]] = {"public": [], "layer": [], "primitive": []}
    for path in reports:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            function, size = _frame(line)
            frames[_role(function)].append(size)
    return sum(
        sum(sorted(frames[role], reverse=True)[:depth])
        for role, depth in (("public", 2), ("layer", 1), ("primitive", 1))
    )


def code_of_functions(objects: Iterable[PathLike]) -> dict[str, bytes]:
    """Return the machine code of every Thumb function of object files, by name."""
    return {name: body for path in objects for name, body in _open(path, _functions)}


def _frame(line: str) -> tuple[str, int]:
    where, _, rest = line.partition("\t")
    size, _, qualifiers = rest.partition("\t")
    function = where.rpartition(":")[2]
    if not function or not size.isdigit():
        raise ToolchainError(f"stack report line {line!r} is not understood")
    if "dynamic" in qualifiers and "bounded" not in qualifiers:
        raise ToolchainError(f"function '{function}' has a stack frame without a bound")
    return function, int(size)


def _role(function: str) -> str:
    if re.match(r"(l\d+|shared)_", function):
        return "layer"
    return "primitive" if function.startswith("edgeq_") else "public"


def _kind(section: str) -> str:
    for start, kind in _KINDS.items():
        if section == start or section.startswith(start + "."):
            return kind
    return ""


def _open(path: PathLike, read: Callable[[ELFFile], tuple[T, ...]]) -> tuple[T, ...]:
    try:
        with open(path, "rb") as file:
            return read(ELFFile(file))
    except (ELFError, OSError) as error:
        raise ToolchainError(f"cannot measure it: {error}", where=str(path)) from error


def _sections(elf: ELFFile) -> tuple[Symbol, ...]:
    return tuple(
        Symbol(section.name, _kind(section.name), section["sh_size"])
        for section in elf.iter_sections()
        if _kind(section.name)
    )


def _symbols(elf: ELFFile) -> tuple[Symbol, ...]:
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return ()
    sections: list[Section] = list(elf.iter_sections())
    found = []
    for symbol in table.iter_symbols():
        index = symbol["st_shndx"]
        kind = _kind(sections[index].name) if isinstance(index, int) else ""
        if kind and symbol["st_size"] and symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT"):
            found.append(Symbol(symbol.name, kind, symbol["st_size"]))
    return tuple(found)


def _functions(elf: ELFFile) -> tuple[tuple[str, bytes], ...]:
    table = elf.get_section_by_name(".symtab")
    if elf["e_machine"] != "EM_ARM" or not isinstance(table, SymbolTableSection):
        return ()
    sections = list(elf.iter_sections())
    found = []
    for symbol in table.iter_symbols():
        index, start, size = symbol["st_shndx"], symbol["st_value"], symbol["st_size"]
        # The lowest bit tells that a function is Thumb code.
        if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(index, int) and start & 1:
            start -= 1
            found.append((symbol.name, sections[index].data()[start : start + size]))
    return tuple(found)
