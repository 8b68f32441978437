"""HVX rows of what is a matrix product: convolution and fully connected layers.

The instruction multiplies unsigned bytes of a vector by signed ones of a register, so weights are
stored plus 128, and each window's sum of codes times that is taken off again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts
from edgeq.kernels.hvx.common import HEADERS, LANES, VECTOR, aligned, has_vectors, vector_rescale
from edgeq.kernels.hvx.tiles import (
    DEEP,
    FOLD,
    RAISED,
    WIDEST,
    Tile,
    group_of,
    packed_weights,
    tile_of,
)
from edgeq.kernels.portable.convolution import conv2d_note, weight_zero
from edgeq.kernels.product import codes, folded_bias, product_rows
from edgeq.kernels.strips import strip_of
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Scratch

STRIP_BYTES = 1 << 15
FILES = (*HEADERS, "edgeq_windows_hvx.h")


def _spread(tile: Tile, vectors: int) -> list[list[int]]:
    """Return the pixels whose outputs share a vector of bytes, if a pixel has so many vectors."""
    step = WIDEST // vectors
    return [list(range(p, min(p + step, tile.pixels))) for p in range(0, tile.pixels, step)]


def _is_exact(tile: Tile, channels: int) -> bool:
    """Tell whether vectors of outputs are whole: nothing is written beyond them."""
    if not tile.rest:
        return True
    whole = tile.blocks == 0 and channels == tile.rest * LANES and tile.rest in (1, 2)
    return whole and tile.pixels % (WIDEST // tile.rest) == 0


def _product_facts(
    op: Conv2D | FullyConnected,
    io: Operands,
    tile: Tile,
    pixels: int,
    count: int,
    lines: bool = False,
) -> Facts:
    """Return what all products share: ``count`` windows at a time of ``pixels``."""
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    channels, depth = w.shape
    length = tile.vectors * LANES
    rescale = vector_rescale(op, io, w, length)
    bias = folded_bias(io, w.sum(axis=1, dtype=np.int64), length)
    stored = packed_weights(io.ins[1].array.reshape(channels, depth), tile)
    constants = {
        "PIXELS": pixels,
        "COUNT": count,
        "OUT_C": channels,
        "WINDOW": -(-depth // DEEP) * DEEP,
        "TILE": tile.pixels,
        "SHARES": (-(-count // LANES) + 2) * LANES,
        "RAISED": RAISED + weight_zero(io),
        **codes(op, io),
        **rescale.constants,
    }
    return Facts(
        constants=constants,
        data=(
            aligned("weights", stored, "weights plus 128 by fours, in blocks"),
            aligned("bias", bias, "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={"rescale": rescale.flag, "lines": lines, **_structure(tile, channels, count)},
    )


def _structure(tile: Tile, channels: int, count: int) -> dict[str, object]:
    """Return what of a tile decides the structure of its code."""
    exact = _is_exact(tile, channels)
    return {
        "code": "int8_t",
        "fold": count >= FOLD,
        "exact": exact,
        "pixels": range(tile.pixels),
        "blocks": tile.blocks,
        "rest": tile.rest,
        "contiguous": exact and tile.blocks == 0,
        "spread": {v: _spread(tile, v) for v in (1, 2, 3, 4)},
    }


def _scratch(facts: Facts, more: int = 0) -> Scratch:
    """Return memory for sums of codes, windows, the outputs of the last tile, and ``more``.

    Sums are taken of whole vectors, of windows that there may be a few too many of.
    """
    c = facts.constants
    windows = _windows_end(facts)
    tail = 0 if facts.flags["exact"] else c["TILE"] * c["OUT_C"] + VECTOR
    parts = (windows, tail, more)
    return Scratch("shares", DType.INT32, c["SHARES"] + sum(map(_vectors, parts)) * LANES)


def _vectors(length: int) -> int:
    return -(-length // VECTOR)


def _windows_end(facts: Facts) -> int:
    """Return where in scratch memory, after the sums, the outputs of the last tile lie."""
    if facts.flags["lines"]:
        return 0
    c = facts.constants
    extra = FOLD - 1 if facts.flags["fold"] else 0
    return _vectors((c["COUNT"] + extra) * c["WINDOW"] + VECTOR) * VECTOR


def _inside(facts: Facts) -> int:
    """Return the last pixel from which a tile can be stored as whole vectors; below 0 for none."""
    c = facts.constants
    ahead = -(-VECTOR * (facts.flags["blocks"] + 1) // c["OUT_C"])
    return max(c["PIXELS"] - c["TILE"] + 1 - ahead, -1)


def _placed(facts: Facts, more: int = 0) -> Facts:
    """Return facts with their scratch memory, and where its parts are."""
    tail = _windows_end(facts)
    lines = tail + (
        0
        if facts.flags["exact"]
        else _vectors(facts.constants["TILE"] * facts.constants["OUT_C"] + VECTOR) * VECTOR
    )
    places = {} if facts.flags["exact"] else {"TAIL": tail, "INSIDE_Y": _inside(facts)}
    places |= {"LINES_AT": lines} if more else {}
    constants = {**facts.constants, **places}
    return replace(facts, constants=constants, scratch=_scratch(facts, more))


def _matrix_facts(op: Conv2D | FullyConnected, io: Operands, pixels: int, depth: int) -> Facts:
    tile = tile_of(pixels, io.y.shape[-1], depth)
    count = group_of(pixels, tile, -(-depth // DEEP) * DEEP)
    facts = _placed(_product_facts(op, io, tile, pixels, count))
    # Sums are taken of eight windows, and of whole vectors.
    beyond = (FOLD - 1 if count >= FOLD else 0) + -(-VECTOR // depth)
    return replace(facts, constants={"DEPTH": depth, "BEYOND": beyond, **facts.constants})


def pointwise_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a 1x1 convolution of stride 1."""
    facts = _matrix_facts(op, io, elements(io.y.shape[:3]), io.x.shape[3])
    return replace(facts, note=conv2d_note(op, io))


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    outs, depth = io.ins[1].shape
    facts = _matrix_facts(op, io, io.x.elements // depth, depth)
    return replace(facts, note=f"fully connected, {depth} to {outs}")


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution, from copied lines.

    Windows are gathered there, unless their codes lie so that they can be read eight at a time.
    """
    strip = strip_of(op, io, STRIP_BYTES)
    depth = strip.runs * strip.run
    tile = tile_of(strip.count, io.y.shape[3], depth)
    group = group_of(strip.count, tile, -(-depth // DEEP) * DEEP)
    pixels = elements(io.y.shape[:3])
    lines = io.x.shape[3] % DEEP == 0
    facts = _product_facts(op, io, tile, pixels, group, lines)
    facts = _placed(facts, strip.codes + VECTOR)
    flags = {**facts.flags, "joined": strip.joined}
    constants = {**strip.constants, "STRIP": strip.count, "DEPTH": depth, **facts.constants}
    return replace(facts, constants=constants, flags=flags, note=conv2d_note(op, io))


ROWS = product_rows(
    "hvx",
    FILES,
    pointwise=pointwise_facts,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
    takes=has_vectors,
)
