"""The packets of a Hexagon program: what is executed together, and where loops begin and end."""

from __future__ import annotations

import re
import subprocess
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assembly import tool

_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S.*)$")
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_LOOP_START = re.compile(r"loop0\((0x[0-9a-f]+)")
_JUMP = re.compile(r"\bjump(?::n?t)? (0x[0-9a-f]+)")
# Fillers, and the upper bits of another instruction's constant, execute nothing.
_NOTHING = re.compile(r"nop$|immext\(|<unknown>$")


@dataclass(frozen=True, slots=True)
class Packet:
    """The instructions of one packet, of which function, and which hardware loops it ends."""

    function: str
    instructions: tuple[str, ...]
    ends: frozenset[int]


@dataclass(frozen=True, slots=True)
class Loop:
    """The packets of an innermost loop, in order."""

    function: str
    start: int
    body: tuple[Packet, ...]

    @property
    def instructions(self) -> list[str]:
        """Return the instructions of all packets."""
        return [each for packet in self.body for each in packet.instructions]


def packets(program: Path, version: int) -> dict[int, Packet]:
    """Return the packet at each address of a program or an object, for an architecture version."""
    # Without these, some vector instructions are not decoded.
    cpu = (f"--mcpu=hexagonv{version}", f"--mattr=+hvxv{version}")
    command = (tool("llvm-objdump"), "-d", "--no-show-raw-insn", *cpu, str(program))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return parsed(done.stdout.splitlines())


def parsed(lines: Iterable[str]) -> dict[int, Packet]:
    """Return the packet at each address of a disassembly.

    >>> text = ["0 <f>:", " 0: { r0 = add(r0,#1); r1 = #0", " 4: nop }  :endloop0"]
    >>> parsed(text)[0].instructions
    ('r0 = add(r0,#1)', 'r1 = #0')
    """
    found: dict[int, Packet] = {}
    inside: list[str] = []
    function, start = "", 0
    for line in lines:
        if name := _FUNCTION.match(line):
            function = name[1]
        match = _LINE.match(line)
        if match is None:
            continue
        text, closed, end = match[2].partition("}")
        if text.startswith("{"):
            start, inside = int(match[1], 16), []
        # Two short ones share a word.
        each = (" ".join(part.strip(" \t{").split()) for part in text.split(";"))
        inside += [part for part in each if part and not _NOTHING.match(part)]
        if closed:
            ends = frozenset(int(digit) for digit in re.findall(r"endloop(\d)", end))
            both = frozenset((0, 1)) if "endloop01" in end else ends
            found[start] = Packet(function, tuple(inside), both)
    return found


def executed(code: Mapping[int, Packet], executions: Mapping[int, int]) -> int:
    """Return the instructions of packets that were executed so often."""
    return sum(count * len(code[address].instructions) for address, count in executions.items())


def inner_loops(code: Mapping[int, Packet]) -> list[Loop]:
    """Return the innermost loops, those of the hardware and those of branches."""
    order = sorted(code)
    spans = sorted({*_hardware(code, order), *_branches(code, order)})
    found = []
    for start, end in spans:
        inside = [(s, e) for s, e in spans if start <= s and e <= end and (s, e) != (start, end)]
        if not inside:
            body = order[bisect_left(order, start) : bisect_left(order, end) + 1]
            found.append(Loop(code[start].function, start, tuple(code[a] for a in body)))
    return found


def _hardware(code: Mapping[int, Packet], order: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Yield the first and last packet between where ``loop0`` points to and its ``endloop0``."""
    starts = {
        int(match[1], 16)
        for packet in code.values()
        for each in packet.instructions
        if (match := _LOOP_START.search(each))
    }
    for start in starts & code.keys():
        rest = order[bisect_left(order, start) :]
        ends = (address for address in rest if 0 in code[address].ends)
        # Where the end comes first in memory, jumps inside the loop tell of it.
        if (end := next(ends, None)) is not None:
            yield start, end


def _branches(code: Mapping[int, Packet], order: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Yield the first and last packet of what a jump back in a function repeats."""
    for address in order:
        for each in code[address].instructions:
            match = _JUMP.search(each)
            start = int(match[1], 16) if match else address + 1
            if start > address or start not in code:
                continue
            if code[start].function == code[address].function:
                yield start, address
