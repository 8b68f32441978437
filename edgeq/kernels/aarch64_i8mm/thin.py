"""Convolution of images of few channels: one vector holds a row of the windows of two pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.aarch64_i8mm.panels import GROUP, STEP
from edgeq.kernels.aarch64_i8mm.product import MATMUL_HEADERS, has_pairs, product_facts
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.windows import VECTOR, conv2d_windows
from edgeq.kernels.portable.convolution import conv2d_note
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Data, Scratch

MOST_ROWS = 4  # vectors that one look-up reads
NOTHING = -1  # as an index of a look-up: zero


@dataclass(frozen=True, slots=True)
class Step:
    """Eight places of two windows: from ``count`` rows of them, looked up by one ``order``."""

    first: int
    count: int
    order: int


@dataclass(frozen=True, slots=True)
class Steps:
    """All places of a window; ``places`` are these in the order of the steps, -1 for none."""

    steps: tuple[Step, ...]
    orders: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]


def eights(height: int, run: int) -> list[list[tuple[int, int]]]:
    """Return the rows and columns of a window, eight at a time: whole ones, then what is left.

    >>> [len(some) for some in eights(3, 9)], [len(some) for some in eights(10, 4)]
    ([8, 8, 8, 3], [8, 8, 8, 8, 8])
    """
    whole = run // STEP * STEP
    found = [
        [(row, start + i) for i in range(STEP)]
        for row in range(height)
        for start in range(0, whole, STEP)
    ]
    some: list[tuple[int, int]] = []
    for place in ((row, column) for row in range(height) for column in range(whole, run)):
        if some and (len(some) == STEP or place[0] - some[0][0] == MOST_ROWS):
            found.append(some)
            some = []
        some.append(place)
    return [*found, some] if some else found


def steps_of(height: int, run: int, apart: int) -> Steps:
    """Return how windows of ``height`` rows of ``run`` codes are looked up, two at a time.

    The second window begins ``apart`` codes after the first.
    """
    orders: dict[tuple[int, ...], int] = {}
    steps, places = [], []
    for some in eights(height, run):
        first, last = some[0][0], some[-1][0]
        if first < last and height <= MOST_ROWS:
            first, last = 0, height - 1
        filled = [NOTHING] * (STEP - len(some))
        one = [VECTOR * (row - first) + column for row, column in some]
        order = (*one, *filled, *(index + apart for index in one), *filled)
        steps.append(Step(first, last - first + 1, orders.setdefault(order, len(orders))))
        places += [row * run + column for row, column in some] + filled
    return Steps(tuple(steps), tuple(orders), tuple(places))


def ordered_weights(w: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Return weights [channels, window] with their places in the order of the steps."""
    chosen = w.reshape(len(w), -1)[:, places]
    return np.where(np.asarray(places) == NOTHING, 0, chosen).astype(np.int8)


def conv2d_thin_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a convolution whose windows' rows are parts of a vector."""
    shape = _even_rows(conv2d_windows(op, io, tile=GROUP, multiple=STEP).constants)
    height = shape["KERNEL_H"]
    steps = steps_of(height, shape["RUN"], shape["STRIDE_W"] * shape["IN_C"])
    weights = ordered_weights(io.ins[1].array, steps.places)
    facts = product_facts(op, io, weights.shape[1], weights)
    block = shape["BLOCK"]
    strips = shape["STRIP_H"] * shape["STRIP_W"] + VECTOR
    offset = -(-block // GROUP) * GROUP * facts.constants["PIXEL_BYTES"]
    flags = {
        **facts.flags,
        "many": io.x.shape[0] > 1,
        "steps": steps.steps,
        # Rows that are all looked up together.
        "rows": height if any(1 < step.count == height for step in steps.steps) else 0,
        "orders": range(len(steps.orders)),
        "pixels": block,
        "scratch": "packed",
    }
    orders = Data("order", np.array(steps.orders, np.int8), "places of two windows in their rows")
    return replace(
        facts,
        constants={**shape, **facts.constants, "STRIP": offset},
        data=(*facts.data, orders),
        flags=flags,
        scratch=Scratch("packed", DType.INT8, offset + strips),
        note=conv2d_note(op, io),
    )


def _even_rows(shape: Mapping[str, int]) -> dict[str, int]:
    """Return a strip's sizes with rows that divide the image, where that takes not many more."""
    most, height = shape["ROWS"], shape["OUT_H"]
    fewer = next(rows for rows in range(most, 0, -1) if height % rows == 0)
    rows = fewer if 2 * fewer >= most and fewer * shape["OUT_W"] >= GROUP else most
    lines = (rows - 1) * shape["STRIDE_H"] + shape["SPAN_H"]
    return {**shape, "ROWS": rows, "BLOCK": rows * shape["OUT_W"], "STRIP_H": lines}


def _is_thin(op: Conv2D, io: Operands) -> bool:
    """Accept windows of which two neighbours have each row within one vector."""
    in_c, width = io.x.shape[3], op.kernel(io)[1]
    narrow = (width + op.stride[1]) * in_c <= VECTOR and op.dilation[1] == 1
    if not has_pairs(op, io) or not narrow or io.y.shape[2] % 2:
        return False
    large = io.y.shape[1] * io.y.shape[2] >= GROUP
    return large and conv2d_windows(op, io, tile=GROUP, multiple=STEP).mode == "strip"


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64_i8mm/conv2d_thin_s8",
        Conv2D,
        conv2d_thin_facts,
        _is_thin,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
)
