"""HVX rows of operations that move runs of bytes: pads, concatenations, splits, repeated pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.hvx.elementwise import shuffled
from edgeq.kernels.portable.movement import (
    Piece,
    borders,
    concat_facts,
    pack_facts,
    pad_facts,
    split_facts,
)
from edgeq.kernels.portable.resize import resize_nearest_facts
from edgeq.ops.concat import Concat
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.split import Split
from edgeq.plan.program import Data

FILES = (*HEADERS, "edgeq_lookup_hvx.h", "edgeq_movement_hvx.h")
SHORTEST = 16  # bytes of a run that is worth a vector


def whole(size: int) -> int:
    """Return the bytes of the vectors that hold so many.

    >>> whole(1), whole(128), whole(129)
    (128, 128, 256)
    """
    return -(-size // VECTOR) * VECTOR


def _bytes(io: Operands) -> bool:
    return io.x.dtype is DType.INT8


# ---- Pads ---------------------------------------------------------------------------------


def _pads(op: Pad, io: Operands) -> bool:
    return _bytes(io) and borders(io.x.shape, op.paddings)[-1][0] >= VECTOR


# ---- Pieces of rows -----------------------------------------------------------------------


def _wide_rows(rows: int, row: int, pieces: Sequence[tuple[int, int]]) -> int:
    """Return how many first rows may be copied by whole vectors, from (offset, size) of pieces.

    What these write beyond a piece is written again by what follows; nothing does after the last.
    """
    found = rows
    for offset, size in pieces:
        most = min((rows * size - whole(size)) // size, (rows * row - offset - whole(size)) // row)
        found = min(found, most + 1)
    return max(found, 0)


def _in_rows(facts: Facts) -> Facts:
    """Return the facts of pieces side by side, and how many rows vectors may run beyond."""
    pieces: Sequence[Piece] = facts.flags["pieces"]
    rows, row = facts.constants["ROWS"], facts.constants["ROW"]
    sizes = [(facts.constants[p.offset], facts.constants[p.size]) for p in pieces]
    constants = {**facts.constants, "WIDE": _wide_rows(rows, row, sizes)}
    constants.pop("LOWEST", None)
    data = tuple(_translation(item) for item in facts.data)
    return replace(facts, constants=constants, data=data)


def _translation(item: Data) -> Data:
    # Codes are read as numbers without sign.
    table = shuffled(np.roll(item.array, -128).view(np.uint8))
    return aligned(item.name, table, item.comment)


def joined_facts(op: Concat, io: Operands) -> Facts:
    """Return the facts of a concatenation."""
    return _in_rows(concat_facts(op, io))


def packed_facts(op: Pack, io: Operands) -> Facts:
    """Return the facts of a pack."""
    return _in_rows(pack_facts(op, io))


def pieces_facts(op: Split, io: Operands) -> Facts:
    """Return the facts of a split."""
    return _in_rows(split_facts(op, io))


def _joins(op: Concat, io: Operands) -> bool:
    return _bytes(io) and op.parts(io) is None and _are_long(concat_facts(op, io))


def _packs(op: Pack, io: Operands) -> bool:
    return _bytes(io) and op.parts(io) is None and _are_long(pack_facts(op, io))


def _splits(op: Split, io: Operands) -> bool:
    return _bytes(io) and op.parts(io) is None and _are_long(split_facts(op, io))


def _are_long(facts: Facts) -> bool:
    return min(facts.constants[piece.size] for piece in facts.flags["pieces"]) >= SHORTEST


# ---- Nearest pixels -----------------------------------------------------------------------


def nearest_facts(op: ResizeNearest, io: Operands) -> Facts:
    """Return the facts of a nearest resize: pixels are copied once, and lines where they repeat."""
    facts = resize_nearest_facts(op, io)
    sources, channels = op.arithmetic, io.x.shape[3]
    columns = (sources.columns * channels).astype(np.int32)
    tables = {"rows": sources.rows.astype(np.int32), "columns": columns}
    data = tuple(replace(item, array=tables[item.name]) for item in facts.data)
    # Vectors of these pixels of the last line neither read nor write beyond the end.
    in_line, out_line = io.x.shape[2] * channels, io.y.shape[2] * channels
    ends = np.arange(1, len(columns) + 1) * channels - channels + whole(channels)
    reads = columns + whole(channels)
    inside = np.minimum.accumulate((ends <= out_line) & (reads <= in_line))
    constants = {
        **facts.constants,
        "IN_LINE": in_line,
        "OUT_LINE": out_line,
        "WIDE": int(inside.sum()),
    }
    constants.pop("IN_W")
    return Facts(constants, data, facts.flags, None, facts.note)


def _nearest(op: ResizeNearest, io: Operands) -> bool:
    return _bytes(io) and io.x.shape[3] >= SHORTEST


# No roles: the planner numbers the operands of rows that take any number of them.
ROWS = (
    Kernel("hvx/pad_s8", Pad, pad_facts, _pads, headers=FILES),
    Kernel("hvx/concat_s8", Concat, joined_facts, _joins, roles=(), headers=FILES),
    Kernel("hvx/concat_s8", Pack, packed_facts, _packs, roles=(), headers=FILES),
    Kernel("hvx/split_s8", Split, pieces_facts, _splits, roles=(), headers=FILES),
    Kernel("hvx/resize_nearest_s8", ResizeNearest, nearest_facts, _nearest, headers=FILES),
)
