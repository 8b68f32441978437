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
class Block:
    """Memory of the program: a region of the arena, an input or an output."""

    name: str
    bytes: int
    alignment: int


@dataclass(frozen=True, slots=True)
class Written:
    """A tensor, the layer that writes it, and where it lies in a block or a member of the context.

    ``block`` and ``offset`` are C expressions.
    """

    layer: int
    block: str
    offset: str
    bytes: int


def network_header(program: Program, tensors: Mapping[str, Tensor]) -> str:
    """Return the text of ``edgeq-network.h``; ``tensors`` has those that layers write."""
    return render(
        "host/network.h.j2",
        p=program,
        blocks=_blocks(program),
        tensors=tuple(_written(program, tensors)),
    )


def linker_script(target: Target) -> str:
    """Return the linker script of a target that is a board."""
    return render("host/board.ld.j2", target=target, board=target.board)


def block_name(program: Program, index: int) -> tuple[str, int]:
    """Return what a block is, in words, and its bytes."""
    block = _blocks(program)[index]
    return block.name, block.bytes


def region_name(program: Program, index: int) -> str:
    """Return what a region of the arena is called in messages."""
    return f"its region '{program.named[index].name}'" if program.named else "its arena"


def _blocks(program: Program) -> tuple[Block, ...]:
    # The order of an enumeration in runtime/runner.c.
    ports = [("input", port) for port in program.inputs]
    ports += [("output", port) for port in program.outputs]
    return (
        *(
            Block(region_name(program, index), region.declared, program.alignment)
            for index, region in enumerate(program.regions)
        ),
        *(Block(f"{role} '{port.name}'", port.bytes, port.dtype.bytes) for role, port in ports),
    )


def _written(program: Program, tensors: Mapping[str, Tensor]) -> Iterator[Written]:
    for call in program.calls:
        for name in call.outputs:
            where = _where(program, program.places[name])
            yield Written(call.index, *where, tensors[name].bytes)


def _where(program: Program, place: Place) -> tuple[str, str]:
    if place.kind == "state":
        member = f"offsetof(network_context, state{place.index})"
        return "CONTEXT", f"{member} + {place.offset}" if place.offset else member
    ports = len(program.regions)
    first = {"arena": 0, "input": ports, "output": ports + len(program.inputs)}
    return str(first[place.kind] + place.index), str(place.offset)
