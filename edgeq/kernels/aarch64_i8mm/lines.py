"""Convolution on rows of an image whose halves are packed beside each other: no windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.aarch64_i8mm.panels import PANEL, SCRATCH_BYTES, STEP, UNROLLED
from edgeq.kernels.aarch64_i8mm.product import MATMUL_HEADERS, has_whole_taps, product_facts
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import conv2d_note, conv2d_shape, weight_zero
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Data, Scratch

PAIRS = 4  # pixels of the left half in a tile, and as many of the right
MOST_TAPS = 5  # taps that share columns in registers: eight columns
VECTOR = 16  # bytes of a packed column: eight codes of the left half, eight of the right


@dataclass(frozen=True, slots=True)
class Plane:
    """Columns of a packed row that are STRIDE_W apart in the image: from ``phase`` on."""

    phase: int
    entries: int


@dataclass(frozen=True, slots=True)
class Group:
    """Taps of one row of the window that share columns; ``entry`` is the first of these."""

    entry: int
    taps: int
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """How the rows of an image are packed."""

    half: int
    planes: tuple[Plane, ...]
    groups: tuple[Group, ...]

    @property
    def entries(self) -> int:
        """Return the columns of a packed row."""
        return sum(plane.entries for plane in self.planes)


def lines_of(op: Conv2D, io: Operands) -> Lines:
    """Return how the rows of a layer's image are packed."""
    half = -(-io.y.shape[2] // 2)
    width, step = op.kernel(io)[1], op.stride[1]
    planes, groups, start = [], [], 0
    for phase in range(min(step, width)):
        taps = range(phase, width, step)
        planes.append(Plane(phase, half + len(taps) - 1))
        for first in range(0, len(taps), MOST_TAPS):
            some = tuple(taps[first : first + MOST_TAPS])
            groups.append(Group(start + first, len(some), some))
        start += planes[-1].entries
    return Lines(half, tuple(planes), tuple(groups))


def tiles_of(width: int) -> tuple[int, int]:
    """Return how many tiles of a row are full, and how many pixels the last has beyond them.

    >>> tiles_of(56), tiles_of(14), tiles_of(7)
    ((7, 0), (1, 6), (0, 7))
    """
    half = -(-width // 2)
    whole = (half - width % 2) // PAIRS
    return whole, width - 2 * PAIRS * whole


def ordered_weights(w: np.ndarray, groups: tuple[Group, ...]) -> np.ndarray:
    """Return weights [channels, window], in the order in which rows are read.

    For each row of the window, eight channels of the image at a time: group by group, tap by tap.
    """
    columns = [column for group in groups for column in group.columns]
    out_c, height, _, in_c = w.shape
    eights = w[:, :, columns].reshape(out_c, height, len(columns), in_c // STEP, STEP)
    return eights.transpose(0, 1, 3, 2, 4).reshape(out_c, -1)


def conv2d_lines_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a convolution that reads packed rows."""
    lines = lines_of(op, io)
    in_c = io.x.shape[3]
    weights = ordered_weights(io.ins[1].array, lines.groups)
    facts = product_facts(op, io, elements(io.ins[1].shape[1:]), weights)
    line = in_c // STEP * lines.entries * VECTOR
    span = (op.kernel(io)[0] - 1) * op.dilation[0] + 1
    rows = rows_of(op, io, line, span)
    outside = np.full(in_c, io.x.zero_point, np.int8)
    whole, rest = tiles_of(io.y.shape[2])
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "SPAN_H": span,
        "HALF": lines.half,
        "ENTRIES": lines.entries,
        "LINE_BYTES": line,
        "ROWS": rows,
        **facts.constants,
    }
    flags = {
        "halves": True,
        "many": io.x.shape[0] > 1,
        "planes": lines.planes,
        "groups": lines.groups,
        "whole": whole,
        "rest": rest,
        "unrolled": _unrolled(in_c // STEP, lines.groups),
    }
    size = ((rows - 1) * op.stride[0] + span) * line
    return replace(
        facts,
        constants=constants,
        data=(*facts.data, Data("outside", outside, "a pixel outside the image")),
        flags={**facts.flags, **flags},
        scratch=Scratch("packed", DType.INT8, size),
        note=conv2d_note(op, io),
    )


def rows_of(op: Conv2D, io: Operands, line: int, span: int) -> int:
    """Return for how many rows of the output the image's rows are packed at a time."""
    fit = (SCRATCH_BYTES // line - span) // op.stride[0] + 1
    most = min(max(fit, 1), io.y.shape[1])
    return -(-io.y.shape[1] // -(-io.y.shape[1] // most))


def _unrolled(eighths: int, groups: tuple[Group, ...]) -> int:
    """Return how many eighths of the channels are written out in the body of the loop."""
    most = 2 * UNROLLED // groups[0].taps if len(groups) == 1 else 1
    return next(n for n in range(min(max(most, 1), eighths), 0, -1) if eighths % n == 0)


def cost(pixels: int, steps: int, loads: int) -> int:
    """Return about how many instructions sums of this many pixels take, for a panel of channels.

    ``loads`` are those of packed codes in all steps; each step loads the weights.
    """
    pairs = -(-pixels // 2)
    if not pairs:
        return 0
    return steps * (4 * pairs + 1) + loads + 26 * pairs + 12


def lines_cost(op: Conv2D, io: Operands) -> int:
    """Return about how many instructions a layer takes on packed rows."""
    lines = lines_of(op, io)
    (_, height, width, _), (out_c, kernel_h, kernel_w, in_c) = io.y.shape, io.ins[1].shape
    eighths = kernel_h * in_c // STEP
    span = (kernel_h - 1) * op.dilation[0] + 1
    # The columns of a tile, those beside them two by two, and a step to the next eight channels.
    loads = eighths * (1 + sum(1 + group.taps // 2 for group in lines.groups))
    steps = eighths * kernel_w
    whole, rest = tiles_of(width)
    rows = rows_of(op, io, in_c // STEP * lines.entries * VECTOR, span)
    blocks = -(-height // rows)
    packed = blocks * ((rows - 1) * op.stride[0] + span)
    packing = packed * lines.entries * (6 * in_c // 16 + 14)
    row = whole * cost(2 * PAIRS, steps, loads) + cost(rest, steps, loads)
    return io.x.shape[0] * (-(-out_c // PANEL) * height * row + packing)


def taps_cost(op: Conv2D, io: Operands) -> int:
    """Return about how many instructions a layer takes on windows."""
    pixels = elements(io.y.shape[:3])
    out_c, kernel_h, kernel_w, in_c = io.ins[1].shape
    steps = kernel_h * kernel_w * in_c // STEP
    tiles = pixels // 8 * cost(8, steps, steps) + cost(pixels % 8, steps, steps)
    return -(-out_c // PANEL) * tiles + pixels * (3 * steps // 2 + 12 * kernel_h + 25)


def _pays(op: Conv2D, io: Operands) -> bool:
    """Accept whole taps beside each other, where no windows are better than windows."""
    fits = op.dilation[1] == 1 and not weight_zero(io) and has_whole_taps(op, io)
    return fits and lines_cost(op, io) < taps_cost(op, io)


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64_i8mm/conv2d_lines_s8",
        Conv2D,
        conv2d_lines_facts,
        _pays,
        packed=(1, 2),
        headers=MATMUL_HEADERS,
    ),
)
