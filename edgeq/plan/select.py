"""Choose a kernel for each operation: the first row that accepts, along the target's ISA chain."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache

from edgeq.errors import UnsupportedError
from edgeq.ir.graph import Graph, Operands
from edgeq.kernels.base import Kernel
from edgeq.ops.base import Op


@cache
def table(isa: str) -> tuple[Kernel, ...]:
    """Return the kernel table of one ISA (``edgeq.kernels.<isa>``)."""
    rows: tuple[Kernel, ...] = importlib.import_module(f"edgeq.kernels.{isa}").ROWS
    return rows


def select(op: Op, io: Operands, isas: Sequence[str], small: bool = False) -> Kernel | None:
    """Return the first kernel along ``isas`` that accepts this layer, or ``None``.

    With ``small`` spacious ones do not count.
    """
    for isa in isas:
        for row in table(isa):
            fits = row.op is type(op) and (op.is_plain or row.general)
            if fits and not (small and row.spacious) and row.accepts(op, io):
                return row
    return None


def select_all(graph: Graph, isas: Sequence[str], small: bool = False) -> tuple[Kernel, ...]:
    """Return one kernel for each operation; raise ``UnsupportedError`` naming all without one."""
    chosen = [(op, select(op, io, isas, small)) for op, io in graph.walk()]
    missing = [op.source or op.KIND for op, kernel in chosen if kernel is None]
    if missing:
        raise UnsupportedError("no kernel for: " + "; ".join(missing), where=graph.origin)
    return tuple(kernel for _, kernel in chosen if kernel is not None)
