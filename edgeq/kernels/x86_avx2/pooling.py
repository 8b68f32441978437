"""AVX2 rows of pooling and means."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.division import Division, division, window_counts
from edgeq.kernels.portable.pooling import (
    SHORT_TAPS,
    average_pool2d_facts,
    max_pool2d_facts,
)
from edgeq.kernels.portable.reduction import NESTED, groups, mean_facts
from edgeq.kernels.requant import requant_facts
from edgeq.kernels.x86_avx2.common import HEADERS
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.plan.program import Data

VECTOR_HEADERS = (*HEADERS, "edgeq_vectors_avx2.h")
PRODUCT_BITS = 16
"""What the high multiply of 16 bits drops."""
HALF = 16
"""Codes of half a vector, the fewest channels; as many sums of 16 bits make a whole one."""
MOST_SUMS = 4
LONGEST = 8
"""Most rows and columns of a window whose maximum is written out."""
MOST_TAPS = 25


def vectors_of(channels: int, lanes: int, most: int) -> int:
    """Return how many vectors of ``lanes`` channels are worked on together; the last may overlap.

    >>> vectors_of(64, 16, 4), vectors_of(48, 16, 4), vectors_of(80, 16, 4)
    (4, 3, 3)
    """

    def cost(vectors: int) -> int:
        # A load and a sum for each vector of a pixel, and the loop.
        return -(-channels // (lanes * vectors)) * (2 * vectors + 3)

    return min(range(1, min(most, channels // lanes) + 1), key=cost)


def _tile(channels: int, lanes: int, most: int) -> tuple[dict[str, int], dict[str, Any]]:
    vectors = vectors_of(channels, lanes, most)
    flags = {"lanes": lanes, "vectors": range(vectors)}
    return {"CHANNELS": channels, "TILE": lanes * vectors}, flags


def _without(facts: Facts, *names: str) -> dict[str, int]:
    return {name: value for name, value in facts.constants.items() if name not in names}


def _fits(io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and io.x.shape[3] >= HALF


# ---- Average pooling ----------------------------------------------------------------------


def _division(op: AveragePool2D, io: Operands) -> Division | None:
    counts = window_counts(op, io)
    return division(counts, op.round_half_up, PRODUCT_BITS) if counts[-1] <= SHORT_TAPS else None


def _averages(op: AveragePool2D, io: Operands) -> bool:
    return _fits(io) and _division(op, io) is not None


def average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool whose means have proven factors."""
    facts = average_pool2d_facts(op, io)
    replaced = ("COUNT", "OFFSET", "RECIPROCAL_BITS", "BLOCK", "CHANNELS", "LOW", "HIGH")
    tile, flags = _tile(io.x.shape[3], HALF, MOST_SUMS)
    constants = {**_without(facts, *replaced), **tile}
    found = _division(op, io)
    data: tuple[Data, ...] = ()
    if found is not None:
        numbers = {"LEFT": found.left, "OFFSET": found.offset, "RIGHT": found.right}
        constants |= {name: value for name, value in numbers.items() if value}
        if op.padding.any:
            table = np.zeros(max(found.factors) + 1, np.int16)
            table[list(found.factors)] = list(found.factors.values())
            data = (Data("factors", table, "what divides by the pixels of a window"),)
        else:
            [constants["FACTOR"]] = found.factors.values()
    constants |= {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    padded = op.padding.any
    flags |= {"padded": padded, "pairs": not padded and op.window[1] % 2 == 0}
    return Facts(constants, data, flags, None, facts.note)


# ---- Maximum pooling ----------------------------------------------------------------------


def _takes_maximum(op: MaxPool2D, io: Operands) -> bool:
    rows, columns = op.window
    small = rows <= LONGEST and columns <= LONGEST and rows * columns <= MOST_TAPS
    return small and _fits(io)


def maximum_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool of small windows.

    Neighbouring windows share ``kept`` columns, whose maxima stay in registers.
    """
    facts = max_pool2d_facts(op, io)
    window = _without(facts, "WINDOW_H", "WINDOW_W", "CHANNELS", "LOW", "HIGH")
    rows, columns = op.window
    channels = io.x.shape[3]
    tile, flags = _tile(channels, 2 * HALF if channels >= 2 * HALF else HALF, 2)
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
    fits = len(runs) <= NESTED and runs[-1] >= HALF and op.count(io) <= SHORT_TAPS
    return io.x.dtype is DType.INT8 and fits


def avx2_mean_facts(op: Mean, io: Operands) -> Facts:
    """Return the facts of a mean over axes before the last."""
    facts = mean_facts(op, io)
    loops = {name: facts.constants[name] for name in ("OUTER", "ROWS", "MIDDLE", "COLUMNS")}
    tile, flags = _tile(facts.constants["INNER"], HALF, MOST_SUMS)
    requant = requant_facts(op.arithmetic)
    constants = {
        **loops,
        **tile,
        "COUNTED_ZERO": op.count(io) * io.x.zero_point,
        "Y_ZERO": io.y.zero_point,
        **requant.constants,
    }
    chosen = {"requant": requant.flag, "pairs": loops["COLUMNS"] % 2 == 0}
    return Facts(constants, requant.data, {**flags, **chosen}, None, facts.note)


ROWS = (
    Kernel(
        "x86_avx2/average_pool2d_s8",
        AveragePool2D,
        average_facts,
        _averages,
        headers=VECTOR_HEADERS,
        fixed=("LEFT", "RIGHT"),
    ),
    Kernel(
        "x86_avx2/max_pool2d_s8",
        MaxPool2D,
        maximum_facts,
        _takes_maximum,
        headers=VECTOR_HEADERS,
    ),
    Kernel("x86_avx2/mean_s8", Mean, avx2_mean_facts, _mean_s8, headers=VECTOR_HEADERS),
)
