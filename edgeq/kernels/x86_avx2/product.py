"""AVX2 rows of what is a matrix product: convolution and fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts
from edgeq.kernels.portable.convolution import (
    conv2d_note,
    weight_zero,
)
from edgeq.kernels.product import codes, folded_bias, is_narrow, product_rows
from edgeq.kernels.rescale import layer_rescale
from edgeq.kernels.strips import strip_of
from edgeq.kernels.x86_avx2.common import HEADERS, LANES
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

REGISTERS = 15  # sums, weights of all channels, and one pixel's codes; one is for products
ADDRESSES = 8  # that fit in registers, besides what the loop needs
SCRATCH_CODES = 1 << 14  # wide codes that stay in the caches while weights pass over them
FEW_WEIGHTS = 1 << 12  # so many may take two bytes
SLACK = 1  # the last two codes of a window may begin with its last one


@dataclass(frozen=True, slots=True)
class Tile:
    """What is summed in registers at a time: ``pixels`` times ``vectors`` of eight channels."""

    pixels: int
    vectors: int

    @property
    def channels(self) -> int:
        """Return how many channels that are."""
        return self.vectors * LANES


TILES = tuple(
    Tile(pixels, vectors)
    for vectors in (2, 3, 1, 4)
    for pixels in range(1, 13)
    if (pixels + 1) * vectors + 1 <= REGISTERS
)


def tile_of(pixels: int, channels: int, row: int = 0) -> Tile:
    """Return the tile that takes the fewest instructions for a product of this size.

    Pixels come from rows of ``row``, if any: those of a tile then need an address each, unless
    tiles divide rows.

    >>> tile_of(196, 512), tile_of(49, 1024), tile_of(1, 1000)
    (Tile(pixels=6, vectors=2), Tile(pixels=5, vectors=2), Tile(pixels=1, vectors=4))
    """
    fit = [t for t in TILES if t.pixels <= pixels and (t.channels <= channels or t.vectors == 1)]

    def cost(tile: Tile) -> float:
        tiles = -(-pixels // tile.pixels) * -(-channels // tile.channels)
        # Multiply and add for each sum; load and widen the weights, broadcast the codes; loop.
        loads = 2 * tile.vectors + 1.25 * tile.pixels
        apart = row > 0 and row % tile.pixels != 0
        addresses = 6 * max(tile.pixels - ADDRESSES, 0) if apart else 0
        return tiles * (2 * tile.pixels * tile.vectors + loads + addresses + 3)

    return min(fit, key=cost)


def packed_weights(runs: np.ndarray, tile: Tile) -> np.ndarray:
    """Return weights [channels, runs, places] in the order in which the kernel reads them.

    Panels of ``tile.channels`` channels, the last of which overlaps; in each, the runs of a window
    by pairs, and the two weights of a pair beside each other for each channel. What was added to
    fill pairs and vectors has no weight. Those beyond int8 are int16.
    """
    channels, count, places = runs.shape
    width = np.int8 if is_narrow(runs) else np.int16
    padded = np.zeros((max(channels, tile.channels), count, places + places % 2), width)
    padded[:channels, :, :places] = runs
    starts = panel_starts(len(padded), tile)
    panels = np.stack([padded[s : s + tile.channels] for s in starts])
    pairs = panels.reshape(len(starts), tile.channels, -1, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(pairs).ravel()


def panel_starts(channels: int, tile: Tile) -> tuple[int, ...]:
    """Return the first channel of each panel.

    >>> panel_starts(40, Tile(6, 2))
    (0, 16, 24)
    """
    last = channels - tile.channels
    return tuple(min(start, last) for start in range(0, channels, tile.channels))


def _product_facts(
    op: Conv2D | FullyConnected, io: Operands, tile: Tile, pixels: int, runs: int, scratch: int
) -> Facts:
    """Return what all products share: ``pixels`` at a time, windows of so many runs."""
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    channels, run = len(w), w.shape[1] // runs
    length = max(channels, tile.channels)
    rescale = layer_rescale(op, io, w, length)
    narrow, wide = is_narrow(w), is_wide(w)
    stored = w if narrow or wide else io.ins[1].array
    constants = {
        "OUT_C": channels,
        "WINDOW": runs * (run + run % 2),
        "TILE": tile.pixels,
        "PANEL": tile.channels,
        **({} if narrow or wide else {"W_ZERO": weight_zero(io)}),
        **codes(op, io),
        **rescale.constants,
    }
    bias = folded_bias(io, w.sum(axis=1, dtype=np.int64), length)
    packed = packed_weights(stored.reshape(channels, runs, run), tile)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, "weights in pairs, panel by panel"),
            Data("bias", bias, "bias less the input's zero point"),
            *rescale.data,
        ),
        flags={
            "code": "int16_t",
            "rescale": rescale.flag,
            "wide": wide,
            "zero": not narrow and not wide,
            "few": channels < LANES,
            "pixels": range(tile.pixels),
            "vectors": range(tile.vectors),
        },
        scratch=_scratch(pixels, scratch + SLACK, narrow or wide),
    )


def is_wide(w: np.ndarray) -> bool:
    """Tell whether weights are stored in two bytes: too large for one, and few.

    Otherwise their zero point is multiplied by one sum of codes for each pixel.
    """
    return not is_narrow(w) and w.size <= FEW_WEIGHTS


def _scratch(pixels: int, length: int, plain: bool) -> Scratch:
    """Return memory for wide codes, behind what each pixel adds for the weights' zero point."""
    if plain:
        return Scratch("codes", DType.INT16, length)
    return Scratch("shares", DType.INT32, pixels + -(-length // 2))


def _matrix_facts(op: Conv2D | FullyConnected, io: Operands, pixels: int, depth: int) -> Facts:
    tile = tile_of(pixels, io.y.shape[-1])
    tiles = max(1, SCRATCH_CODES // (depth * tile.pixels))
    count = min(pixels, tiles * tile.pixels)
    facts = _product_facts(op, io, tile, count, 1, count * depth)
    constants = {"PIXELS": pixels, "COUNT": count, "STEP": depth, **facts.constants}
    return replace(facts, constants=constants, flags={**facts.flags, "scattered": False})


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
    """Return the facts of an ungrouped convolution, computed in strips of whole rows."""
    strip = strip_of(op, io, SCRATCH_CODES)
    tile = tile_of(strip.count, io.y.shape[3], io.y.shape[2] if strip.rows > 1 else 0)
    facts = _product_facts(op, io, tile, strip.count, strip.runs, strip.codes)
    scattered = strip.is_scattered(op, io, tile.pixels)
    return replace(
        facts,
        constants={**strip.constants, **facts.constants},
        flags={**facts.flags, "joined": strip.joined, "scattered": scattered},
        note=conv2d_note(op, io),
    )


ROWS = product_rows(
    "x86_avx2",
    HEADERS,
    pointwise=pointwise_facts,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
