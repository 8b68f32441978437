"""DSP extension rows of convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, Channels, channels, is_short
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
_PACKED_REACH = 2**23  # sums of a packed second channel are smaller


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


def _starts(count: int) -> list[int]:
    """Return the first channel of each two; the last two may begin with one that was there."""
    return [min(first, count - 2) for first in range(0, count, 2)]


def is_packed(found: Channels, codes: np.ndarray, reach: np.ndarray) -> bool:
    """Tell whether two weights may share a 16-bit number, for every two channels.

    ``reach`` bounds the absolute sums of each channel.
    """
    seconds = [first + 1 for first in _starts(len(codes))]
    low = codes[[second - 1 for second in seconds]] < 0
    fits = not bool((low & (codes[seconds] == -128)).any())
    addend = 128 * (reach + np.abs(found.addend.astype(np.int64)) + 2)
    small = (reach[seconds] < _PACKED_REACH) & (addend[seconds] < 2**31)
    return fits and bool(small.all())


def stream(found: Channels, codes: np.ndarray, packed: bool, single: bool) -> np.ndarray:
    """Return what the tile function reads for each two channels.

    Biases; for each four places k of a window the weights (k, k + 2) of both channels, then those
    of (k + 1, k + 3); multiplier, addend and shift of each channel.
    """
    blocks = []
    for first in _starts(len(codes)):
        pair = slice(first, first + 2)
        # [two channels, groups, two halves, parity] to [groups, parity, halves, channels]
        quads = codes[pair].reshape(2, -1, 2, 2).transpose(1, 3, 2, 0)
        halves = (256 * quads[..., 1] + quads[..., 0]) if packed else quads
        kind = np.int16 if packed else np.int8
        words = np.ascontiguousarray(halves, kind).reshape(-1).view("<i4")
        bias = found.bias[pair].astype(np.int64)
        factors = np.stack((found.multiplier[pair], found.addend[pair], found.shift[pair]), 1)
        factors = factors.astype(np.int64)
        if packed:
            bias[1] = 256 * bias[1] + bias[0]
            multiplier, addend, shift = factors[1]
            half = 0 if single else 64
            factors[1] = (multiplier % 2**32) // 2, 128 * addend + half, shift + 7
        blocks.append(np.concatenate([bias, words, factors.ravel()]))
    joined = np.concatenate(blocks)
    whole: np.ndarray = (joined & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    return whole


def _weights(op: Conv2D | DepthwiseConv2D, io: Operands) -> np.ndarray:
    """Return the weights without their zero point, [channels, window]."""
    w = centred(io.ins[1], np.int32)
    taps = w.reshape(-1, w.shape[3]).T if isinstance(op, DepthwiseConv2D) else w
    rows: np.ndarray = taps.reshape(io.y.shape[3], -1)
    return rows


def reach_of(found: Channels) -> np.ndarray:
    """Return the largest absolute sum of each channel, over all codes."""
    w = found.weights.astype(np.int64)
    bias = found.bias.astype(np.int64)
    above = np.where(w > 0, 127 * w, -128 * w).sum(axis=1)
    below = np.where(w > 0, 128 * w, -127 * w).sum(axis=1)
    reach: np.ndarray = np.maximum(np.abs(bias + above), np.abs(bias - below))
    return reach


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


def conv2d_facts(op: Conv2D | DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    op, zero = with_short_rounding(op, io), weight_zero(io)
    kernel_h, kernel_w = op.kernel(io)
    images, out_h, out_w, count = io.y.shape
    rows = rows_of(kernel_h, kernel_w * io.x.shape[3], zero)
    place = _place(op, io, rows)
    found = channels(io, op.arithmetic, _weights(op, io))
    codes = _ordered(found.weights.astype(np.int64) + zero, rows, zero)
    packed = is_packed(found, codes, reach_of(found))
    rounding = op.arithmetic.requant.rounding
    groups = rows.groups + rows.sums
    pixels = out_h * out_w
    constants = {
        **({"IMAGES": images} if place.mode != "direct" and images > 1 else {}),
        **_geometry(op, io, rows, place),
        "PIXELS": images * pixels if place.mode == "direct" else pixels,
        "OUT_C": count,
        "ROWS": kernel_h,
        "WORDS": rows.words,
        "TAIL": rows.tail,
        "READ": rows.groups,
        "GROUPS": groups,
        "REST": (groups - 1) % ROUND,
        "PAIRS": count // 2,
        "PAIR_WORDS": 2 + 2 * groups + 6,
    }
    copied = TILE * kernel_h * rows.bytes if place.mode == "general" else 0
    copied = place.lines * place.line if place.mode == "padded" else copied
    numbers = stream(found, codes, packed, rounding is Rounding.SINGLE)
    return Facts(
        constants=constants,
        data=(Data("stream", numbers, "two channels at a time"),),
        flags={
            "mode": place.mode,
            "form": "packed" if packed else "wide",
            "rounding": rounding.value,
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
    return enough and is_short(io, op.arithmetic, _weights(op, io))


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
