"""NEON rows of pooling and means, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.division import Division, division, mean_factor, window_counts
from edgeq.kernels.neon.common import HEADERS, RequantFacts, neon_requant
from edgeq.kernels.portable.pooling import SHORT_TAPS, average_pool2d_facts, max_pool2d_facts
from edgeq.kernels.portable.reduction import NESTED, groups, mean_facts
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.plan.program import Data

PRODUCT_BITS = 15
"""What the doubling high multiply of 16 bits drops."""
HALF = 8
"""Codes of half a vector, the fewest channels."""
LONGEST = 8
"""Most rows and columns of a window whose maximum is written out."""
MOST_TAPS = 25


@dataclass(frozen=True, slots=True)
class Tile:
    """Channels that are summed together: ``vectors`` of ``lanes`` codes."""

    lanes: int
    vectors: int

    @property
    def channels(self) -> int:
        """Return how many channels that are."""
        return self.lanes * self.vectors


def tile_of(channels: int) -> Tile:
    """Return the tile that takes the fewest instructions; the last may overlap.

    >>> tile_of(1024), tile_of(24), tile_of(9)
    (Tile(lanes=16, vectors=4), Tile(lanes=16, vectors=1), Tile(lanes=8, vectors=1))
    """
    if channels < 2 * HALF:
        return Tile(HALF, 1)

    def cost(vectors: int) -> int:
        # A load and two sums for each vector of a pixel, and the loop.
        return -(-channels // (2 * HALF * vectors)) * (3 * vectors + 3)

    fitting = range(1, min(4, channels // (2 * HALF)) + 1)
    return Tile(2 * HALF, min(fitting, key=cost))


def _tile_facts(channels: int) -> tuple[dict[str, int], dict[str, Any]]:
    tile = tile_of(channels)
    parts = range(tile.channels // HALF)
    flags = {"lanes": tile.lanes, "vectors": range(tile.vectors), "parts": parts}
    return {"CHANNELS": channels, "TILE": tile.channels}, flags


# ---- Average pooling ----------------------------------------------------------------------


def _short_division(op: AveragePool2D, io: Operands) -> Division | None:
    counts = window_counts(op, io)
    fits = counts[-1] <= SHORT_TAPS
    return division(counts, op.round_half_up, PRODUCT_BITS) if fits else None


def _long_division(op: AveragePool2D, io: Operands) -> RequantFacts | None:
    if op.padding.any or op.window[1] > SHORT_TAPS:
        return None
    factor = mean_factor(op.window[0] * op.window[1], op.round_half_up)
    return neon_requant(factor, 1) if factor is not None else None


def _averages(op: AveragePool2D, io: Operands) -> bool:
    """Tell whether the means of all windows have a proven factor."""
    if io.x.dtype is not DType.INT8 or io.x.shape[3] < HALF:
        return False
    return _short_division(op, io) is not None or _long_division(op, io) is not None


def average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool: means by 16 bits, or else by 32."""
    facts = average_pool2d_facts(op, io)
    replaced = ("COUNT", "OFFSET", "RECIPROCAL_BITS", "BLOCK", "CHANNELS", "LOW", "HIGH")
    window = {name: value for name, value in facts.constants.items() if name not in replaced}
    clamp = {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    tile, flags = _tile_facts(io.x.shape[3])
    found = _short_division(op, io)
    if found is None:
        numbers, data, means = _by_32_bits(_long_division(op, io))
    else:
        numbers, data, means = _by_16_bits(found, op.padding.any)
    constants = {**window, **tile, **numbers, **clamp}
    flags |= {"padded": op.padding.any, **means}
    return Facts(constants, data, flags, None, facts.note)


Parts = tuple[dict[str, int], tuple[Data, ...], dict[str, Any]]


def _by_16_bits(found: Division, padded: bool) -> Parts:
    """Return numbers, data and flags of means by a doubling high multiply."""
    numbers = {"LEFT": found.left, "OFFSET": found.offset, "RIGHT": found.right}
    numbers = {name: value for name, value in numbers.items() if value}
    if not padded:
        [factor] = found.factors.values()
        return {**numbers, "FACTOR": factor}, (), {"wide": False, "requant": None}
    table = np.zeros(max(found.factors) + 1, np.int16)
    table[list(found.factors)] = list(found.factors.values())
    data = Data("factors", table, "what divides by the pixels of a window")
    return numbers, (data,), {"wide": False, "requant": None}


def _by_32_bits(found: RequantFacts | None) -> Parts:
    """Return numbers, data and flags of means by a requantizer."""
    if found is None:
        raise ValueError("a window without a proven factor")
    constants = {**found.constants, "Y_ZERO": 0}
    return constants, found.data, {"wide": True, "requant": found.flag}


# ---- Maximum pooling ----------------------------------------------------------------------


def _takes_maximum(op: MaxPool2D, io: Operands) -> bool:
    rows, columns = op.window
    small = rows <= LONGEST and columns <= LONGEST and rows * columns <= MOST_TAPS
    # Windows of half vectors that share no column gain nothing.
    fewest = HALF if columns > op.stride[1] else 2 * HALF
    return small and io.x.dtype is DType.INT8 and io.x.shape[3] >= fewest


def maximum_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool of small windows.

    Neighbouring windows share ``kept`` columns, whose maxima stay in registers.
    """
    facts = max_pool2d_facts(op, io)
    replaced = ("WINDOW_H", "WINDOW_W", "CHANNELS", "LOW", "HIGH")
    window = {name: value for name, value in facts.constants.items() if name not in replaced}
    tile, flags = _tile_facts(io.x.shape[3])
    rows, columns = op.window
    flags |= {
        "padded": op.padding.any,
        "clips_columns": op.padding.left > 0 or op.padding.right > 0,
        "rows": range(rows),
        "columns": columns,
        "kept": max(columns - op.stride[1], 0),
        "stride": op.stride[1],
    }
    clamp = {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    return Facts({**window, **tile, **clamp}, (), flags, None, facts.note)


# ---- Means --------------------------------------------------------------------------------


def _mean_s8(op: Mean, io: Operands) -> bool:
    runs = groups(io.x.shape, op.axes)
    fits = io.x.dtype is DType.INT8 and len(runs) <= NESTED and runs[-1] >= HALF
    return fits and _loops(op, io)["COLUMNS"] <= SHORT_TAPS


def _loops(op: Mean, io: Operands) -> dict[str, int]:
    """Return the extents of the loops; of a long run of columns, parts become rows."""
    portable = mean_facts(op, io).constants
    loops = {name: portable[name] for name in ("OUTER", "ROWS", "MIDDLE", "COLUMNS")}
    columns = loops["COLUMNS"]
    if loops["ROWS"] == 1:
        loops |= {"OUTER": loops["OUTER"] * loops["MIDDLE"], "MIDDLE": 1}
    fitting = [n for n in range(SHORT_TAPS, 2 * HALF, -1) if columns % n == 0]
    if columns > SHORT_TAPS and loops["MIDDLE"] == 1 and fitting:
        loops |= {"ROWS": loops["ROWS"] * columns // fitting[0], "COLUMNS": fitting[0]}
    return loops


def neon_mean_facts(op: Mean, io: Operands) -> Facts:
    """Return the facts of a mean over axes before the last."""
    facts = mean_facts(op, io)
    loops, wide = _loops(op, io), op.count(io) > SHORT_TAPS
    tile, flags = _tile_facts(facts.constants["INNER"])
    requant = neon_requant(op.arithmetic, 1)
    constants = {
        **loops,
        **tile,
        "COUNTED_ZERO": op.count(io) * io.x.zero_point,
        "Y_ZERO": io.y.zero_point,
        "LOW": io.y.dtype.min,
        "HIGH": io.y.dtype.max,
        **requant.constants,
    }
    flags |= {"wide": wide, "requant": requant.flag}
    return Facts(constants, requant.data, flags, None, facts.note)


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "neon/average_pool2d_s8",
        AveragePool2D,
        average_facts,
        _averages,
        headers=HEADERS,
        fixed=("LEFT", "RIGHT"),
    ),
    Kernel("neon/max_pool2d_s8", MaxPool2D, maximum_facts, _takes_maximum, headers=HEADERS),
    Kernel("neon/mean_s8", Mean, neon_mean_facts, _mean_s8, headers=HEADERS),
)
