"""What ``runtime/runner.c`` is told of a network: its name, its memory, its tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeq.emit.environment import render
from edgeq.ir.graph import Tensor
from edgeq.plan.program import Place, Program
from edgeq.targets.base import Target

# Its exit status when the network itself did wrong.
FAILED = 80


@dataclass(frozen=True, slots=True)
class Region:
    """Memory of the program: the arena, an input or an output."""

    name: str
    bytes: int
    alignment: int


@dataclass(frozen=True, slots=True)
class Written:
    """A tensor, the layer that writes it, and where it lies in a region."""

    layer: int
    region: int
    offset: int
    bytes: int


def network_header(program: Program, tensors: Mapping[str, Tensor]) -> str:
    """Return the text of ``edgeq-network.h``; ``tensors`` has those that layers write."""
    return render(
        "host/network.h.j2",
        p=program,
        regions=_regions(program),
        tensors=tuple(_written(program, tensors)),
    )


def linker_script(target: Target) -> str:
    """Return the linker script of a target that is a board."""
    return render("host/board.ld.j2", target=target, board=target.board)


def region_name(program: Program, index: int) -> tuple[str, int]:
    """Return what a region is, in words, and its bytes."""
    region = _regions(program)[index]
    return region.name, region.bytes


def _regions(program: Program) -> tuple[Region, ...]:
    # The order of an enumeration in runtime/runner.c.
    ports = [("input", port) for port in program.inputs]
    ports += [("output", port) for port in program.outputs]
    return (
        Region("its arena", max(program.arena, 1), program.alignment),
        *(Region(f"{role} '{port.name}'", port.bytes, port.dtype.bytes) for role, port in ports),
    )


def _written(program: Program, tensors: Mapping[str, Tensor]) -> Iterator[Written]:
    for call in program.calls:
        for name in call.outputs:
            place = program.places[name]
            yield Written(call.index, _region(program, place), place.offset, tensors[name].bytes)


def _region(program: Program, place: Place) -> int:
    first = {"arena": 0, "input": 1, "output": 1 + len(program.inputs)}
    return first[place.kind] + place.index
