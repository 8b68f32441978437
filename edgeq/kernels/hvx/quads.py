"""HVX rows of depthwise convolution down the columns of windows: four lines of the image together.

A vector holds four neighbouring rows of 32 channels, so that one instruction multiplies and adds a
column of a window. What 32 channels need stays in registers for a whole row of the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.columns import borders, column_weights
from edgeq.kernels.hvx.common import (
    HEADERS,
    LANES,
    VECTOR,
    aligned,
    has_vectors,
    vector_rescale,
)
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.kernels.product import codes, folded_bias, is_narrow
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Scratch

DEEP = 4  # lines together
UNITS = 14  # of 32 sums at once: more need more registers than there are
WIDEST = 5  # columns of windows, whose weights are kept in registers
MOST_STEPS = 4  # columns from one pixel to the next of the same channels
BEGIN = 2  # what a tile takes beside its units, as units are counted


@dataclass(frozen=True, slots=True)
class Tiles:
    """How rows are cut into units of 32 bytes: ``pixel`` bytes later the channels are the same.

    ``step`` is the columns of the image that this is, ``count`` how often it is in a row; ``tile``
    of them in each of ``outs`` rows are computed together. ``rows`` rows share their lines.
    """

    pixel: int
    step: int
    count: int
    tile: int
    outs: int
    rows: int


def tiles_of(op: DepthwiseConv2D, io: Operands) -> Tiles | None:
    """Return how the rows of a layer are cut, or ``None`` where they cannot be."""
    height, width = op.kernel(io)
    channels, row = io.y.shape[3], io.y.shape[2] * io.y.shape[3]
    dense = op.stride[0] == 1 and op.dilation[0] == 1 and height < DEEP
    rows = 2 if dense and io.y.shape[1] > 1 else 1
    pixel = lcm(channels, LANES)
    step = op.stride[1] * pixel // channels
    # Pixels that share a unit are neighbours in the image only if windows take all of them.
    fits = pixel == channels or (op.stride[1] == 1 and row % pixel == 0 and step <= MOST_STEPS)
    if not fits or height > DEEP or width > WIDEST or io.x.shape[2] * channels < VECTOR:
        return None
    count = row // pixel
    narrow = is_narrow(centred(io.ins[1], np.int32))
    # Few pixels for what a unit needs: rows together. Wide weights need more registers, most of
    # all where pixels share few columns, or what a unit needs is read for each tile.
    outs = rows if narrow and count <= 2 * UNITS else 1
    crowded = not narrow and (count <= UNITS or op.stride[1] > 1)
    most = UNITS // 2 if crowded else UNITS // outs
    return Tiles(pixel, step, count, _tile(count, pixel, most), outs, rows)


def _tile(count: int, pixel: int, most: int) -> int:
    """Return how many units of a row to compute at once: for the fewest in all."""
    neighbours = VECTOR // LANES  # of which a vector is stored at once
    by = neighbours if pixel == LANES and count >= neighbours else 1
    sizes = range(by, min(most, count) + 1, by)
    return min(sizes, key=lambda size: -(-count // size) * (size + BEGIN))


def split_weights(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bytes, and for each channel (the last axis) what to subtract from all its weights.

    >>> [part.tolist() for part in split_weights(np.array([[-3, 0], [127, 255]]))]
    [[[-3, -128], [127, 127]], [0, -128]]
    """
    below = np.minimum(w.min(axis=0) + 128, 0)
    above = np.maximum(w.max(axis=0) - 127, 0)
    center = below + above
    return (w - center).astype(np.int8), (-center).astype(np.int8)


def quads_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution whose rows are cut into units."""
    tiles = tiles_of(op, io)
    if tiles is None:
        raise ValueError(f"depthwise convolution: rows that are no units of {LANES} bytes")
    height, width = op.kernel(io)
    channels = io.y.shape[3]
    w = centred(io.ins[1], np.int32).reshape(height * width, channels)
    places = (np.arange(tiles.pixel) % channels).reshape(-1, LANES)
    rescale = vector_rescale(op, io, w.T, channels, places.ravel())
    bias = folded_bias(io, w.sum(axis=0, dtype=np.int64), channels)
    weights, wide = _packed(w, (height, width), tiles.rows, places)
    sizes, scratch = _memory(op, io, tiles)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        **sizes,
        "ROW": tiles.count * tiles.pixel,
        "PIXEL": tiles.pixel,
        "STEP": tiles.step * channels * DEEP,
        "COUNT": tiles.count,
        "TILE": tiles.tile,
        "SETS": len(places),
        "ROWS": tiles.rows,
        "WEIGHTS": weights.size // len(places) // tiles.rows,
        **codes(op, io),
        **rescale.constants,
    }
    return Facts(
        constants=constants,
        data=(
            aligned("weights", weights.ravel(), "weights down the columns, by 32 channels"),
            aligned("bias", bias[places.ravel()], "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={"rescale": rescale.flag, "wide": wide, **_structure(op, io, tiles)},
        scratch=Scratch("quads", DType.INT8, scratch),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def _packed(
    w: np.ndarray, kernel: tuple[int, int], rows: int, places: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Return the weights of each unit, and whether there are such that add a window's codes."""
    narrow, minus = split_weights(w)
    wide = bool(minus.any())
    height, width = kernel
    columns = column_weights(narrow.reshape(height, width, -1), rows, DEEP)
    if wide:
        ones = np.broadcast_to(minus, (height, 1, len(minus)))
        columns = np.concatenate([columns, column_weights(ones, rows, DEEP)], axis=1)
    packed = columns[:, :, 0][:, :, places].transpose(2, 0, 1, 3, 4)
    return packed.astype(np.int8), wide


def _memory(op: DepthwiseConv2D, io: Operands, tiles: Tiles) -> tuple[dict[str, int], int]:
    """Return the places of the image and of what is outside it in the scratch, and its bytes."""
    channels, columns = io.x.shape[3], io.x.shape[2]
    reach = (io.y.shape[2] - 1) * op.stride[1] + (op.kernel(io)[1] - 1) * op.dilation[1] + 1
    left = op.padding.left * channels * DEEP
    right = max(reach - op.padding.left - columns, 0) * channels * DEEP
    # Codes of a line outside the image come first.
    start = VECTOR + -(-left // VECTOR) * VECTOR
    line = columns * channels
    end = start + max(-(-line // VECTOR) * VECTOR * DEEP, line * DEEP + right)
    return {"START": start, "LEFT": left, "RIGHT": right, "LINE": line}, end


def _structure(op: DepthwiseConv2D, io: Operands, tiles: Tiles) -> dict[str, object]:
    """Return the names of lines, columns and sums, and where the sums go."""
    height, width = op.kernel(io)
    lines = (tiles.rows - 1) * op.stride[0] + height
    windows = {
        t: [t * tiles.step + kx * op.dilation[1] for kx in range(width)] for t in range(tiles.tile)
    }
    full = tiles.pixel == LANES and tiles.tile % 4 == 0
    ragged = io.y.shape[1] % tiles.rows != 0
    # Side by side in time as in the image, so that few codes are kept in registers.
    units = [(r, t) for t in windows for r in range(tiles.outs)]
    units = sorted(units, key=lambda unit: (unit[1] // 4, unit)) if full else units
    groups = [units[i : i + 4] for i in range(0, len(units), 4)]
    stores = _stores(groups, tiles)
    # There are four predicates, and one is made of others.
    late = len({place for *_, place in stores}) > 2
    outside_rows, _ = borders(op, io)
    return {
        "lines": range(lines),
        "given": [min(i, lines - 1) for i in range(DEEP)],
        "outs": range(tiles.outs),
        "apart": tiles.outs < tiles.rows,
        "ragged": ragged,
        "width": range(width),
        "fresh": _first_uses([[c for _, t in group for c in windows[t]] for group in groups]),
        "windows": windows,
        "groups": groups,
        "stores": sorted(stores, key=lambda store: store[-1]) if late else stores,
        "late": late,
        "full": full,
        "blank": outside_rows or (ragged and tiles.outs < tiles.rows),
        "whole_lines": io.x.shape[2] * io.x.shape[3] % VECTOR == 0,
        "aligned": [
            c
            for c in sorted({c for window in windows.values() for c in window})
            if (c - op.padding.left) * io.x.shape[3] % LANES == 0
        ],
    }


def _stores(groups: list[list[tuple[int, int]]], tiles: Tiles) -> list[tuple[int, ...]]:
    """Return row, pixel, vector and part of it for each unit, and its place in a vector of y."""
    return [
        (r, t, number, part, (r * tiles.count + t) * tiles.pixel % VECTOR)
        for number, group in enumerate(groups)
        for part, (r, t) in enumerate(group)
    ]


def _first_uses(uses: list[list[int]]) -> list[list[int]]:
    """Return of each list what is in none before it.

    >>> _first_uses([[0, 2, 1], [2, 3], [1]])
    [[0, 1, 2], [3], []]
    """
    seen: set[int] = set()
    fresh = []
    for each in uses:
        fresh.append(sorted(set(each) - seen))
        seen.update(each)
    return fresh


def _in_units(op: DepthwiseConv2D, io: Operands) -> bool:
    is_int8 = io.x.dtype is DType.INT8 and has_vectors(op)
    if not is_int8 or op.multiplier(io) != 1 or op.kernel(io)[0] == 1:
        return False
    # Windows that share few columns, of whole vectors: better read from the image as it is.
    apart = op.stride[1] > 1 and io.x.shape[3] % VECTOR == 0
    if apart and is_narrow(centred(io.ins[1], np.int32)):
        return False
    return tiles_of(op, io) is not None


ROWS = (
    Kernel(
        "hvx/depthwise_conv2d_quads_s8",
        DepthwiseConv2D,
        quads_facts,
        _in_units,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_quads_hvx.h"),
    ),
)
