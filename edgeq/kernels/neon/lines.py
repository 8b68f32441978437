"""Windows of any size as sums over lines: which quads of which line meet which weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D

QUAD = 4  # elements of a line that one instruction multiplies for each channel
MAX_TILE = 6  # outputs whose sums stay in registers
REQUANT_COST = 11  # instructions for eight outputs, besides those that multiply


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of the image: sizes, the window's steps, and bytes from one to the next."""

    size: int
    out: int
    window: int
    stride: int
    dilation: int
    pad: int
    bytes: int
    out_bytes: int


@dataclass(frozen=True, slots=True)
class Term:
    """A quad of window line ``line``, ``offset`` quads from the first, that weights multiply."""

    line: int
    offset: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines ``along`` which quads are taken, and ``across`` which the window has its lines."""

    across: Axis
    along: Axis
    is_turned: bool

    @property
    def groups(self) -> int:
        """Return the quads of a window in one line."""
        return -(-self.along.window // QUAD)

    @property
    def unit(self) -> int:
        """Return the step between the elements at which quads begin."""
        return math.gcd(self.along.stride, QUAD * self.along.dilation)

    @property
    def quads(self) -> int:
        """Return the quads of a line, rounded up to full turns of the loop that makes them."""
        last = (self.along.out - 1) * self.along.stride
        last += QUAD * (self.groups - 1) * self.along.dilation
        return -(-(last // self.unit + 1) // QUAD) * QUAD

    @property
    def padded(self) -> int:
        """Return the elements of a line with its borders, as far as quads reach."""
        reach = (self.quads - 1) * self.unit + (QUAD - 1) * self.along.dilation + 1
        return max(reach, self.along.pad + self.along.size)

    @property
    def slots(self) -> int:
        """Return how many lines' quads are kept: all, or a power of two that a window fits."""
        reach = (self.across.window - 1) * self.across.dilation
        return int(min(self.across.size, 1 << reach.bit_length()))

    @property
    def bytes(self) -> int:
        """Return the bytes of all quads, of those of a line outside the image, and of a line."""
        return (self.slots + 1) * self.quads * 32 + self.padded * 8

    @property
    def tile(self) -> int:
        """Return how many outputs are summed together."""
        sizes = range(1, min(MAX_TILE, self.along.out) + 1)
        return min(sizes, key=lambda size: (self._cost(size), size))

    def _cost(self, tile: int) -> int:
        """Return about how many instructions a line of outputs takes."""
        dots = self.across.window * self.groups * (1 + 3 * tile)
        return -(-self.along.out // tile) * (dots + REQUANT_COST * tile + 8)

    def terms(self) -> tuple[Term, ...]:
        """Return the terms of one output."""
        step = QUAD * self.along.dilation // self.unit
        groups = range(self.groups)
        return tuple(Term(k, g * step) for k in range(self.across.window) for g in groups)

    def packed(self, w: np.ndarray) -> np.ndarray:
        """Return weights [height, width, channels] as [terms, channels, 4]; the rest is 0."""
        turned = w.transpose(1, 0, 2) if self.is_turned else w
        padded = np.zeros((len(turned), self.groups * QUAD, w.shape[2]), w.dtype)
        padded[:, : turned.shape[1]] = turned
        return padded.reshape(-1, QUAD, w.shape[2]).transpose(0, 2, 1)


def axes(op: DepthwiseConv2D, io: Operands) -> tuple[Axis, Axis]:
    """Return the image's dimensions: downwards, then to the right."""
    _, in_h, in_w, in_c = io.x.shape
    _, out_h, out_w, out_c = io.y.shape
    height, width = op.kernel(io)
    row, out_row = in_w * in_c, out_w * out_c
    top, left = op.padding.top, op.padding.left
    (down, right), (below, beside) = op.stride, op.dilation
    return (
        Axis(in_h, out_h, height, down, below, top, row, out_row),
        Axis(in_w, out_w, width, right, beside, left, in_c, out_c),
    )


def lines(op: DepthwiseConv2D, io: Operands) -> Lines:
    """Return the walk along rows, or along columns where that fills quads better."""
    down, right = axes(op, io)
    by_rows, by_columns = Lines(down, right, False), Lines(right, down, True)
    return min((by_rows, by_columns), key=_total)


def _total(found: Lines) -> int:
    return found.across.out * found._cost(found.tile)


def window_lines(found: Lines) -> tuple[tuple[int, bool, bool], ...]:
    """Return each line of a window: from its first, and whether it may lie before or behind."""
    across = found.across
    offsets = [k * across.dilation - across.pad for k in range(across.window)]
    last = (across.out - 1) * across.stride
    return tuple((o, o < 0, last + o >= across.size) for o in offsets)
