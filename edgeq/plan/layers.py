"""A layer with its kernels and their finished numbers: whole, or in pieces for several threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeq.ir.graph import Graph, Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.ops.base import Op
from edgeq.plan.pieces import pieces
from edgeq.plan.select import select, select_all
from edgeq.targets.base import Target


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one C function computes; ``starts`` are the bytes before the tensors it has cut.

    In a stage, ``lines`` are the buffers of tensors of which only some rows are there, and
    ``advances`` the bytes by which what it reads and writes moves from one turn to the next; both
    ``starts`` and ``advances`` then go by the buffer where there is one.
    """

    op: Op
    io: Operands
    kernel: Kernel
    facts: Facts
    starts: Mapping[str, int]
    lines: Mapping[str, str] = field(default_factory=dict)
    advances: Mapping[str, int] = field(default_factory=dict)

    def buffer(self, name: str) -> str:
        """Return what ``starts`` and ``advances`` call the memory of a tensor."""
        return self.lines.get(name, name)

    @property
    def scratch(self) -> int:
        """Return the bytes of working memory."""
        return self.facts.scratch.bytes if self.facts.scratch is not None else 0


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One operation of the graph: the kernel chosen for the whole, and its parts (mostly one)."""

    kernel: Kernel
    parts: tuple[Part, ...]
    alignment: int

    @property
    def has_scratch(self) -> bool:
        """Tell whether some part is passed working memory."""
        return any(part.facts.scratch is not None for part in self.parts)

    @property
    def scratch(self) -> int:
        """Return the bytes of working memory of all parts, which may run at the same time."""
        return self.scratch_start(len(self.parts) - 1) + self.parts[-1].scratch

    def scratch_start(self, index: int) -> int:
        """Return the bytes of working memory before that of a part."""
        return sum(-(-p.scratch // self.alignment) * self.alignment for p in self.parts[:index])


def layers(graph: Graph, target: Target, threads: int) -> tuple[Layer, ...]:
    """Return one layer for each operation, in up to ``threads`` parts.

    Raise ``UnsupportedError`` naming all operations without a kernel.
    """
    kernels = select_all(graph, target.isas, target.small)
    return tuple(
        Layer(kernel, _parts(op, io, kernel, target, threads), target.alignment)
        for kernel, (op, io) in zip(kernels, graph.walk(), strict=True)
    )


def _parts(op: Op, io: Operands, kernel: Kernel, target: Target, threads: int) -> tuple[Part, ...]:
    found = pieces(op, io, threads)
    rows = [select(piece.op, piece.io, target.isas, target.small) for piece in found]
    # What memory the pieces share was decided for the kernel of the whole.
    if len(found) == 1 or not all(row is not None and _alike(row, kernel) for row in rows):
        return (Part(op, io, kernel, kernel.facts(op, io), {}),)
    return tuple(
        Part(piece.op, piece.io, row, row.facts(piece.op, piece.io), piece.starts)
        for piece, row in zip(found, rows, strict=True)
        if row is not None
    )


def _alike(a: Kernel, b: Kernel) -> bool:
    return (a.packed, a.roles, a.in_place) == (b.packed, b.roles, b.in_place)
