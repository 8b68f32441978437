"""Dot product rows of convolution and fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType, elements
from edgeq.kernels.aarch64_dotprod.tiles import (
    LANES,
    STEP,
    Blocks,
    Heights,
    Panels,
    heights,
    panels_of,
    tall_pixels,
)
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon import common, windows
from edgeq.kernels.neon.windows import Windows, conv2d_windows, matrix_windows
from edgeq.kernels.portable.convolution import conv2d_note, weight_zero
from edgeq.kernels.product import codes, folded_bias, is_narrow
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data

STRAIGHT = 2  # vectors of codes that need no loop
HEADERS = (*common.HEADERS, *windows.HEADERS, "edgeq_product_dotprod.h")


@dataclass(frozen=True, slots=True)
class Loop:
    """What the template writes for panels of one width.

    ``tall`` is the number of pixels of a whole block, and of the last one, in tiles of
    ``height``; the others are in tiles of ``rest``.
    """

    height: int
    rest: int
    tall: tuple[int, int]
    short: tuple[int, int]
    vectors: int
    count: int
    first: int
    last: int
    at: int
    overlaps: bool
    stored: int


def packed_weights(w: np.ndarray, panels: tuple[Panels, ...]) -> np.ndarray:
    """Return a matrix [channels, depth] in the order in which the kernel reads it.

    Panel by panel; in each, four places of the window at a time, for each of its channels.
    Places and channels that were added to fill vectors have no weight.
    """
    channels, depth = w.shape
    padded = np.zeros((max(channels, panels[0].channels), -(-depth // LANES) * LANES), np.int8)
    padded[:channels, :depth] = w
    parts = []
    for panel in panels:
        last = max(0, channels - panel.channels)
        for start in (min(panel.first + i * panel.channels, last) for i in range(panel.count)):
            rows = padded[start : start + panel.channels]
            parts.append(rows.reshape(len(rows), -1, LANES).transpose(1, 0, 2).ravel())
    return np.concatenate(parts)


def rescaling(requant: Requant, low: int, y_zero: int) -> Requant:
    """Return an equal rescaling that takes fewer instructions, where there is one.

    Half away from zero differs from half up for negative numbers only: where the clamp makes
    all of those the zero point, either will do.
    """
    if requant.rounding is Rounding.GEMMLOWP and low >= y_zero:
        return replace(requant, rounding=Rounding.HALF_UP)
    return requant


def steps(depth: int) -> dict[str, Any]:
    """Return how a window is loaded: in a loop, in single vectors, then what is left of it.

    ``lanes`` are those of the last load that count. It ends with the window where that is long
    enough, and is turned by ``turn`` places where the window's end is not a lane's.
    """
    whole, left = divmod(depth, STEP)
    looped = whole // 2 if whole > STRAIGHT else 0
    lanes = -(-left // LANES)
    turn = STEP - left if left % LANES and whole else 0
    first = STEP // LANES - lanes if left and whole and not turn else 0
    return {
        "looped": looped * 2 * STEP,
        "straight": range(0, (whole - looped * 2) * STEP, STEP),
        "left": left,
        "lanes": range(first, first + lanes),
        "turn": turn,
        "back": STEP - left if left and whole else 0,
        "counted": _counted(left, whole > 0 and not turn),
    }


def _counted(left: int, at_end: bool) -> tuple[str, str]:
    """Return a vector of ones for ``left`` codes and zeros elsewhere, as C constants."""
    ones = np.zeros(STEP, np.uint8)
    ones[STEP - left if at_end else 0 : STEP if at_end else left] = 1
    low, high = ones.view("<u8")
    return f"UINT64_C(0x{low:x})", f"UINT64_C(0x{high:x})"


def loops(
    panels: tuple[Panels, ...], blocks: Blocks, depth: int, channels: int
) -> list[Loop]:
    """Return the loops over panels and tiles."""
    at = 0
    result = []
    for panel in panels:
        height = heights(blocks, panel.vectors, depth)
        result.append(_loop(panel, height, (blocks[0][1], blocks[-1][1]), channels, at))
        at += panel.count * -(-depth // LANES) * panel.channels * LANES
    return result


def _loop(panel: Panels, height: Heights, sizes: tuple[int, int], channels: int, at: int) -> Loop:
    tall = [tall_pixels(size, height.height, height.rest) for size in sizes]
    short = [-(-(size - t) // height.rest) for size, t in zip(sizes, tall, strict=True)]
    last = max(0, channels - panel.channels)
    overlaps = panel.first + (panel.count - 1) * panel.channels > last
    return Loop(
        height.height,
        height.rest,
        (tall[0], tall[1]),
        (short[0], short[1]),
        panel.vectors,
        panel.count,
        panel.first,
        last,
        at,
        overlaps,
        min(channels, panel.channels),
    )


def blocks_of(found: Windows, pixels: int) -> Blocks:
    """Return the blocks of pixels: all but the last, which may be smaller, and that one."""
    block = found.constants["BLOCK"]
    if found.mode == "strip":
        return ((-(-pixels // block), block),)
    whole, last = divmod(pixels - 1, block)
    small = (1, max(last + 1, min(found.constants["TILE"], pixels)))
    return ((whole, block), small) if whole else (small,)


def _facts(op: Conv2D | FullyConnected, io: Operands, found: Windows, pixels: int) -> Facts:
    """Return what both operations share."""
    arithmetic = op.arithmetic
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    channels, depth = w.shape
    zero = 0 if is_narrow(w) else weight_zero(io)
    blocks = blocks_of(found, pixels)
    panels = panels_of(blocks, channels, depth)
    length = max(channels, panels[0].channels)
    requant = common.neon_requant(
        rescaling(arithmetic.requant, arithmetic.low, io.y.zero_point), length
    )
    bias = folded_bias(io, w.sum(axis=1, dtype=np.int64), length)
    weights = packed_weights(w + zero, panels)
    constants = {**found.constants, "OUT_C": channels, **codes(op, io), **requant.constants}
    flags: Mapping[str, Any] = {
        **found.flags,
        **steps(found.depth),
        "mode": found.mode,
        "requant": requant.flag,
        "weight_zero": zero != 0,
        "loops": loops(panels, blocks, found.depth, channels),
        "depth": found.depth,
    }
    return Facts(
        constants={**constants, "W_ZERO": zero} if zero else constants,
        data=(
            Data("weights", weights, "weights of four places at a time, panel by panel"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags=flags,
        scratch=found.scratch,
    )


def _multiple(depth: int) -> int:
    """Return of what the depth must be a multiple to be read from ``x`` itself."""
    return 1 if depth >= STEP else LANES


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    pixels = elements(io.y.shape[:3])
    direct = _multiple(io.x.shape[3])
    found = conv2d_windows(op, io, tile=min(5, pixels), multiple=LANES, direct=direct)
    return replace(_facts(op, io, found, pixels), note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    direct = _multiple(depth)
    found = matrix_windows(rows, depth, tile=min(5, rows), multiple=LANES, direct=direct)
    return replace(_facts(op, io, found, rows), note=f"fully connected, {depth} to {outs}")


def _ungrouped(op: Conv2D, io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and op.groups(io) == 1


def _s8(op: FullyConnected, io: Operands) -> bool:
    return io.x.dtype is DType.INT8


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64_dotprod/conv2d_s8",
        Conv2D,
        conv2d_facts,
        _ungrouped,
        packed=(1, 2),
        headers=HEADERS,
    ),
    Kernel(
        "aarch64_dotprod/fully_connected_s8",
        FullyConnected,
        fully_connected_facts,
        _s8,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
