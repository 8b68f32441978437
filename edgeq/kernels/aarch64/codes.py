"""ARMv8.0 rows of functions of one code by table, and of float32 numbers that become codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS
from edgeq.kernels.portable import ROWS as PORTABLE
from edgeq.kernels.portable.conversion import quantize_facts
from edgeq.kernels.portable.elementwise import lookup_facts
from edgeq.ops.base import Op
from edgeq.ops.quantize import Quantize
from edgeq.plan.program import Data

VECTOR = 16  # codes at a time: the last ones overlap those before
LOOKUP = "portable/lookup_s8"


def unsigned_order(table: np.ndarray, first: int) -> np.ndarray:
    """Return the answers in the order of codes read as unsigned numbers; ``first`` is the least.

    >>> unsigned_order(np.arange(256).astype(np.uint8), -128)[[0, 127, 128, 255]].tolist()
    [128, 255, 0, 127]
    """
    return np.roll(table, first).view(np.uint8)


def table_facts(op: Op, io: Operands) -> Facts:
    """Return the facts of a function of one 8-bit code, in four tables of 64 answers."""
    facts = lookup_facts(op, io)
    found = facts.data[0]
    table = unsigned_order(found.array, facts.constants["FIRST"])
    return replace(
        facts,
        constants={"COUNT": facts.constants["COUNT"]},
        data=(Data("table", table, found.comment),),
    )


def _is_looked_up(op: Op, io: Operands) -> bool:
    rows = (row for row in PORTABLE if row.op is type(op) and row.accepts(op, io))
    row = next(rows, None)
    return row is not None and row.id == LOOKUP and io.y.elements >= VECTOR


def _to_bytes(op: Quantize, io: Operands) -> bool:
    return io.y.dtype in (DType.INT8, DType.UINT8) and io.y.elements >= VECTOR


ROWS = (
    *(
        Kernel(
            "aarch64/lookup_8",
            op,
            table_facts,
            _is_looked_up,
            packed=packed,
            in_place=0,
            headers=HEADERS,
        )
        for op, packed in dict.fromkeys((r.op, r.packed) for r in PORTABLE if r.id == LOOKUP)
    ),
    Kernel("aarch64/quantize_8", Quantize, quantize_facts, _to_bytes, headers=HEADERS),
)
