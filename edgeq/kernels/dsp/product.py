"""DSP extension rows of convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, channels, is_short
from edgeq.kernels.dsp.streams import (
    PLAIN_SHIFTS,
    STRAIGHT_SHIFTS,
    is_small,
    plain_stream,
    shares,
    straight_stream,
    stream,
)
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.portable.convolution import (
    conv2d_note,
    conv2d_shape,
    is_pointwise,
    weight_zero,
)
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

Layer = TypeVar("Layer", bound=Conv2D | DepthwiseConv2D)

TILE = 3  # windows summed in registers together, with two channels
GROUP = 4  # codes of a window in a word
ROUND = 8  # words of codes in a round of the tile's loop
MOST_SUMMED = 4 * (2**15 // 128 - 1)  # codes whose four partial sums fit 16 bits each
MOST_PADDED = 1024  # bytes of an image that is copied with its padding


@dataclass(frozen=True, slots=True)
class Rows:
    """How the codes of a window are read, from ``height`` rows of ``codes`` adjacent bytes.

    Each row gives ``words`` words; ``tail`` codes of each follow after all of these. A row may be
    read beyond its end where that takes no more words. ``sums`` words hold what corrects sums for
    the zero point of the weights.
    """

    height: int
    codes: int
    words: int
    tail: int
    sums: int

    @property
    def groups(self) -> int:
        """Return the words of codes of a window."""
        return self.height * self.words + _words(self.height * self.tail)

    @property
    def bytes(self) -> int:
        """Return the bytes that are read of each row."""
        return GROUP * self.words + self.tail


def _parts(count: int, size: int) -> int:
    """Return how many of ``size`` hold ``count``."""
    return -(-count // size)


def _words(codes: int) -> int:
    return _parts(codes, GROUP)


def rows_of(height: int, codes: int, zero: int) -> Rows:
    """Return how windows of ``height`` rows of ``codes`` are read; ``zero`` is the weights'.

    >>> rows_of(3, 3, 0).words, rows_of(3, 9, 0).tail, rows_of(1, 64, 0).words
    (1, 1, 16)
    """
    filled = _words(codes)
    if height * filled == _words(height * codes):
        plan = Rows(height, codes, filled, 0, 0)
    else:
        plan = Rows(height, codes, codes // GROUP, codes % GROUP, 0)
    sums = -(-GROUP * plan.groups // MOST_SUMMED) if zero else 0
    return replace(plan, sums=sums)


def _ordered(codes: np.ndarray, rows: Rows, zero: int) -> np.ndarray:
    """Return weights [channels, window] in the order of the pairs, the zero point where none is."""
    count = len(codes)
    each = codes.reshape(count, rows.height, rows.codes)
    cut = GROUP * rows.words
    heads = np.full((count, rows.height, cut), zero, np.int64)
    heads[:, :, : min(cut, rows.codes)] = each[:, :, :cut]
    ordered = np.full((count, GROUP * (rows.groups + rows.sums)), zero, np.int64)
    ordered[:, : rows.height * cut] = heads.reshape(count, -1)
    tails = each[:, :, cut:].reshape(count, -1)
    for place in range(tails.shape[1]):
        # The halves of a word are places 0 and 2 of four, or 1 and 3.
        ordered[:, rows.height * cut + place // 4 * 4 + (0, 2, 1, 3)[place % 4]] = tails[:, place]
    return ordered


def _weights(op: Conv2D | DepthwiseConv2D, io: Operands) -> np.ndarray:
    """Return the weights without their zero point, [channels, window]."""
    w = centred(io.ins[1], np.int32)
    taps = w.reshape(-1, w.shape[3]).T if isinstance(op, DepthwiseConv2D) else w
    rows: np.ndarray = taps.reshape(io.y.shape[3], -1)
    return rows


def with_short_rounding(op: Layer, io: Operands) -> Layer:
    """Return the layer with a rounding that costs less, where that gives the same codes."""
    numbers = op.arithmetic
    requant = without_negatives(numbers.requant, numbers.low, io.y.zero_point)
    return replace(op, arithmetic=replace(numbers, requant=requant))


@dataclass(frozen=True, slots=True)
class Place:
    """Where windows are read.

    ``mode``: ``direct``, pixel after pixel; ``inside`` the image; ``padded``, in a copy of a small
    image with its padding; ``general``: the image, and copies of the windows that reach beyond.
    ``line`` bytes lead to the next row; windows from (0, 0) to (last_top, last_left) are inside.
    """

    mode: str
    line: int
    lines: int
    last_top: int
    last_left: int


def _place(op: Conv2D | DepthwiseConv2D, io: Operands, rows: Rows) -> Place:
    if is_pointwise(op, io) and rows.bytes == rows.codes:
        return Place("direct", rows.bytes, 1, 0, 0)
    images, in_h, in_w, in_c = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    reach = (op.kernel(io)[0] - 1) * op.dilation[0]
    joined = op.dilation[1] == 1
    last = ((out_h - 1) * op.stride[0], (out_w - 1) * op.stride[1])
    last_left = (in_w * in_c - rows.bytes) // in_c if joined else -1
    plain = Place("general", in_w * in_c, in_h, in_h - 1 - reach, last_left)
    if not op.padding.any and last[0] <= plain.last_top and last[1] <= plain.last_left:
        return replace(plain, mode="inside")
    lines = max(last[0] + reach + 1, op.padding.top + in_h)
    columns = max(last[1] + _parts(rows.bytes, in_c), op.padding.left + in_w)
    if joined and images == 1 and lines * columns * in_c <= MOST_PADDED:
        return Place("padded", columns * in_c, lines, *last)
    return plain


def _geometry(
    op: Conv2D | DepthwiseConv2D, io: Operands, rows: Rows, place: Place
) -> dict[str, int]:
    """Return the constants of what is not direct."""
    if place.mode == "direct":
        return {}
    beyond = {"LAST_TOP": place.last_top, "LAST_LEFT": place.last_left, "X_ZERO": io.x.zero_point}
    return {
        **conv2d_shape(op, io),
        "LINE": place.line,
        "NEXT": op.dilation[0] * place.line - rows.bytes,
        **({} if place.mode == "inside" else beyond),
        **({"LINES": place.lines} if place.mode == "padded" else {}),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """The tile function that is called, what it reads, and the shift that it is told."""

    name: str
    stream: np.ndarray
    shift: int = 0


def _straight(op: Conv2D | DepthwiseConv2D, io: Operands, rows: Rows) -> Tile | None:
    """Return a tile function with one product for a rescaling, if one will do."""
    zero = weight_zero(io)
    weights = _weights(op, io)
    codes = _ordered(weights.astype(np.int64) + zero, rows, zero)
    if not shares(codes):
        return None
    for shift in PLAIN_SHIFTS:
        numbers = plain_stream(io, op.arithmetic, weights, codes, shift)
        if numbers is not None:
            return Tile("plain", numbers, shift)
    for shift in STRAIGHT_SHIFTS:
        numbers = straight_stream(io, op.arithmetic, weights, codes, shift)
        if numbers is not None:
            return Tile(f"straight_{shift}", numbers)
    return None


def _rows(op: Conv2D | DepthwiseConv2D, io: Operands) -> Rows:
    height, width = op.kernel(io)
    return rows_of(height, width * io.x.shape[3], weight_zero(io))


def _tile(op: Conv2D | DepthwiseConv2D, io: Operands, rows: Rows) -> Tile:
    """Return which tile function is called."""
    zero = weight_zero(io)
    weights = _weights(op, io)
    straight = _straight(op, io, rows)
    if straight is not None:
        return straight
    short = with_short_rounding(op, io)
    rounding = short.arithmetic.requant.rounding
    found = channels(io, short.arithmetic, weights)
    codes = _ordered(found.weights.astype(np.int64) + zero, rows, zero)
    packed = shares(codes) and is_small(found)
    form = "packed" if packed else "wide"
    numbers = stream(found, codes, packed, rounding is Rounding.SINGLE)
    return Tile(f"{form}_{rounding.value}", numbers)


def conv2d_facts(op: Conv2D | DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    images, out_h, out_w, count = io.y.shape
    rows = _rows(op, io)
    place = _place(op, io, rows)
    tile = _tile(op, io, rows)
    groups = rows.groups + rows.sums
    pixels = out_h * out_w
    constants = {
        **({"IMAGES": images} if place.mode != "direct" and images > 1 else {}),
        **_geometry(op, io, rows, place),
        "PIXELS": images * pixels if place.mode == "direct" else pixels,
        "OUT_C": count,
        "ROWS": rows.height,
        "WORDS": rows.words,
        "TAIL": rows.tail,
        "READ": rows.groups,
        "GROUPS": groups,
        "REST": (groups - 1) % ROUND,
        "PAIRS": count // 2,
        "PAIR_WORDS": len(tile.stream) // -(-count // 2),
        "SHIFT": tile.shift,
        "ADDEND": io.y.zero_point << tile.shift,
    }
    copied = TILE * rows.height * rows.bytes if place.mode == "general" else 0
    copied = place.lines * place.line if place.mode == "padded" else copied
    return Facts(
        constants=constants,
        data=(Data("stream", tile.stream, "two channels at a time"),),
        flags={
            "mode": place.mode,
            "tile": tile.name,
            "odd": count % 2 == 1,
            "sums": rows.sums > 0,
        },
        scratch=Scratch("pairs", DType.INT32, 2 * TILE * groups + _parts(copied, GROUP)),
        note=conv2d_note(op, io),
    )


def _accepts(op: Conv2D | DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8:
        return False
    together = elements(io.y.shape[0 if is_pointwise(op, io) else 1 : 3])
    enough = together >= TILE and io.y.shape[3] >= 2
    if not enough:
        return False
    short = is_short(io, op.arithmetic, _weights(op, io))
    return short or _straight(op, io, _rows(op, io)) is not None


def _ungrouped(op: Conv2D, io: Operands) -> bool:
    return op.groups(io) == 1 and _accepts(op, io)


def _one_channel(op: DepthwiseConv2D, io: Operands) -> bool:
    """Accept what is a convolution of images of one channel."""
    return io.x.shape[3] == 1 and _accepts(op, io)


ROWS = (
    Kernel("dsp/conv2d_s8", Conv2D, conv2d_facts, _ungrouped, packed=(1, 2), headers=HEADERS),
    Kernel(
        "dsp/conv2d_s8", DepthwiseConv2D, conv2d_facts, _one_channel, packed=(1, 2), headers=HEADERS
    ),
)
