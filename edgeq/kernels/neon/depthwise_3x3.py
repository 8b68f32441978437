"""Depthwise convolution with a 3x3 window: what a row of outputs reads and in which order.

Three columns of the window stay in registers: a pixel loads only those that the one before it had
not. Their names rotate instead of their contents, so a loop handles as many pixels as bring every
name back to its place. Rows outside the image read a row that holds the input's zero point, and
columns outside are that constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import FRACTION_SCALE, RequantFacts, neon_requant
from edgeq.kernels.neon.depthwise import (
    DEPTHWISE_HEADERS,
    depthwise_note,
    depthwise_requant,
    depthwise_weights,
)
from edgeq.kernels.neon.depthwise_chains import TAPS, Group, grouped
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

SIZE = 3
NAMES = {1: ("abc", "bca", "cab"), 2: ("abc", "cba")}  # of a window's columns, pixel by pixel
MOST_OUTSIDE = 3  # last pixels of a row whose windows reach beyond it
BLOCK_BYTES = 1 << 14  # rows that stay in the caches while all channels pass over them

Loads = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Pixel:
    """One output: the names of its columns, what it loads first, and where it goes.

    ``loads`` are names and column numbers from where the row's pointers stand; no number means
    outside.
    """

    columns: str
    loads: Loads
    out: int


@dataclass(frozen=True, slots=True)
class Row:
    """The order of work in one row: first loads, a loop over some pixels, the rest.

    ``last`` is the image's last column, from where the pointers stand when the rest begins. The
    loop ends before it, and before the last pixel, so that no pointer leaves its row.
    """

    first: Loads
    loop: tuple[Pixel, ...]
    repeats: int
    rest: tuple[Pixel, ...]
    last: int

    @property
    def moves(self) -> bool:
        """Tell whether there is a second column or a second pixel."""
        return bool(self.loop) or self.last > 0 or len(self.rest) > 1

    @property
    def border(self) -> bool:
        """Tell whether any column is outside the image."""
        loads = [*self.first, *(load for pixel in self.rest for load in pixel.loads)]
        return any(number is None for _, number in loads)


@dataclass(frozen=True, slots=True)
class Edge:
    """Whether one of the window's rows can lie above or below the image."""

    name: str
    above: bool
    below: bool


def row_of(in_w: int, out_w: int, stride: int, left: int) -> Row:
    """Return the order of work for rows of ``in_w`` codes with ``left`` outside before them.

    >>> row = row_of(11, 11, 1, 1)
    >>> row.first, row.repeats, row.loop[0]
    ((('a', None), ('b', 0)), 3, Pixel(columns='abc', loads=(('c', 1),), out=0))
    >>> row.rest[1]
    Pixel(columns='bca', loads=(('a', None),), out=1)
    """
    names = NAMES[stride]
    inside = min(out_w - 1, (in_w - 1 - SIZE + left) // stride + 1)
    repeats = inside // len(names)
    done = repeats * len(names) if repeats > 1 else 0

    def column(number: int) -> int | None:
        return number if 0 <= number < in_w else None

    def pixel(p: int, start: int) -> Pixel:
        columns = names[p % len(names)]
        numbers = [column(p * stride - left + i) for i in range(SIZE - stride, SIZE)]
        moved = [None if n is None else n - start * stride for n in numbers]
        return Pixel(columns, tuple(zip(columns[SIZE - stride :], moved, strict=True)), p - start)

    return Row(
        first=tuple((name, column(i - left)) for i, name in enumerate(names[0][: SIZE - stride])),
        loop=tuple(pixel(p, 0) for p in range(len(names))) if done else (),
        repeats=repeats if done else 0,
        rest=tuple(pixel(p, done) for p in range(done, out_w)),
        last=in_w - 1 - done * stride,
    )


def edges_of(op: DepthwiseConv2D, io: Operands) -> tuple[Edge, ...]:
    """Return which of the window's rows can lie outside the image."""
    last = (io.y.shape[1] - 1) * op.stride[0] - op.padding.top
    return tuple(
        Edge(name, i < op.padding.top, last + i >= io.x.shape[1])
        for i, name in enumerate(("top", "middle", "bottom"))
    )


def rows_in_block(op: DepthwiseConv2D, io: Operands) -> int:
    """Return how many rows of outputs are made of one panel of channels before the next."""
    _, _, in_w, in_c = io.x.shape
    rows = (BLOCK_BYTES // (in_w * in_c) - SIZE) // op.stride[0] + 1
    return max(1, min(rows, io.y.shape[1]))


def packed_weights(w: np.ndarray, group: Group) -> np.ndarray:
    """Return the weights [9, channels] of a group as [panels, 9 + taps that are split, lanes].

    What is beyond 8 bits follows as the second weight of its tap.
    """
    panels = np.stack([w[:, start : start + group.lanes] for start in group.panels])
    if not group.chains:
        return panels.astype(np.int16).ravel()
    first = np.clip(panels, -128, 127)
    rest = (panels - first)[:, list(group.split)]
    return np.concatenate([first, rest], axis=1).astype(np.int8).ravel()


def packed_factors(kinds: tuple[np.ndarray, ...], group: Group) -> np.ndarray:
    """Return numbers [kinds, channels] as [panels, kinds, lanes]; float32 by its bits."""
    bits = np.stack([kind.view(np.int32) for kind in kinds])
    return np.stack([bits[:, start : start + group.lanes] for start in group.panels]).ravel()


def _group_data(
    w: np.ndarray, kinds: tuple[np.ndarray, ...], groups: tuple[Group, ...]
) -> tuple[Data, ...]:
    return tuple(
        data
        for i, group in enumerate(groups)
        for data in (
            Data(f"weights{i}", packed_weights(w, group), f"weights of {group.lanes} channels"),
            Data(f"factors{i}", packed_factors(kinds, group), "bias, factors of the output"),
            Data(f"panels{i}", np.asarray(group.panels, np.int32), "their first channels"),
        )
    )


def _shape(op: DepthwiseConv2D, io: Operands) -> dict[str, int]:
    images, in_h, in_w, in_c = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    return {
        "IMAGES": images,
        "IN_H": in_h,
        "IN_W": in_w,
        "CHANNELS": in_c,
        "OUT_H": out_h,
        "OUT_W": out_w,
        "STRIDE_H": op.stride[0],
        "PAD_TOP": op.padding.top,
        "LINE": in_w * in_c,
        "BLOCK": rows_in_block(op, io),
        "X_ZERO": io.x.zero_point,
    }


def _rescaling(op: DepthwiseConv2D, io: Operands) -> RequantFacts:
    """Return the rescaling; one shift for all channels can be part of the narrowing to 16 bits.

    The flag's form is then ``q0``, that of the words which come out, and the constant ``RIGHT``
    takes the place of ``SHIFT``.
    """
    requant = neon_requant(depthwise_requant(op, io), io.x.shape[3])
    flag = requant.flag
    right = FRACTION_SCALE - requant.constants.get("SHIFT", FRACTION_SCALE)
    if flag.rounding != Rounding.HALF_UP.value or flag.form != "q6" or not 0 < right <= 16:
        return requant
    constants = {"MULTIPLIER": requant.constants["MULTIPLIER"], "RIGHT": right}
    return RequantFacts(replace(flag, form="q0"), constants, requant.data)


def depthwise_3x3_facts(op: DepthwiseConv2D, io: Operands, lanes: int, walks: bool) -> Facts:
    """Return the facts of a depthwise convolution with a 3x3 window, ``lanes`` codes at a time.

    ``walks``: pointers go from column to column, for loads that have no offset.
    The input's zero point moves into the bias: taps outside the image read it too.
    """
    w = depthwise_weights(op, io)
    groups = grouped(w, lanes)
    edges = edges_of(op, io)
    requant = _rescaling(op, io)
    finish = {**codes(op, io), **requant.constants}
    bias = folded_bias(io, w.sum(axis=0, dtype=np.int64), io.x.shape[3])
    kinds = (bias, *(data.array for data in requant.data if requant.flag.per_channel))
    shape = _shape(op, io)
    outside = any(edge.above or edge.below for edge in edges)
    return Facts(
        constants={**shape, **finish},
        data=(
            *_group_data(w, kinds, groups),
            *(data for data in requant.data if not requant.flag.per_channel),
        ),
        flags={
            "requant": requant.flag,
            "groups": groups,
            "walks": walks,
            "narrows": "RIGHT" in requant.constants,
            "kinds": len(kinds),
            "taps": range(TAPS),
            "row": row_of(io.x.shape[2], io.y.shape[2], op.stride[1], op.padding.left),
            "stride": op.stride[1],
            "edges": edges,
            "outside": outside,
            "finish": tuple(name for name in finish if name != "X_ZERO"),
        },
        scratch=Scratch("outside", DType.INT8, shape["LINE"]) if outside else None,
        note=depthwise_note(op, io),
    )


def is_depthwise_3x3(op: DepthwiseConv2D, io: Operands) -> bool:
    """Accept 3x3 windows, one filter for each channel, that lie mostly within the image."""
    stride, left = op.stride[1], op.padding.left
    if io.x.dtype is not DType.INT8 or op.multiplier(io) != 1 or op.dilation != (1, 1):
        return False
    if op.kernel(io) != (SIZE, SIZE) or stride not in NAMES or io.x.shape[3] < 8:
        return False
    last = (io.y.shape[2] - 1) * stride - left + SIZE - io.x.shape[2]
    return left <= SIZE - stride and last <= MOST_OUTSIDE * stride


def depthwise_3x3_row(isa: str, lanes: int, walks: bool) -> Kernel:
    """Return the row of a table whose registers hold the window of ``lanes`` channels."""

    def facts(op: DepthwiseConv2D, io: Operands) -> Facts:
        return depthwise_3x3_facts(op, io, lanes, walks)

    return Kernel(
        f"{isa}/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        facts,
        is_depthwise_3x3,
        packed=(1, 2),
        headers=DEPTHWISE_HEADERS,
        fixed=("RIGHT",),
    )


ROWS: tuple[Kernel, ...] = (depthwise_3x3_row("neon", 8, walks=True),)
