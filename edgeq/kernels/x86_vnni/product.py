"""VNNI rows of what is a matrix product: convolution and fully connected layers."""

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
from edgeq.kernels.product import codes, is_narrow, product_rows
from edgeq.kernels.rescale import layer_rescale
from edgeq.kernels.strips import strip_of
from edgeq.kernels.x86_vnni.common import HEADERS, LANES, QUAD, raised_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

SUMS = 16  # vectors: more would fit, but then the rescaling of a tile hides behind no other
SCRATCH_BYTES = 1 << 16  # raised codes that stay in the caches while weights pass over them
LATENCY = 5  # cycles from one dot product to the next on the same sum
ADDRESSES = 8  # that fit in registers, besides what the loop needs
SLACK = QUAD - 1  # the last four codes of a window may begin with its last one


@dataclass(frozen=True, slots=True)
class Tile:
    """What is summed in registers at a time: ``pixels`` times ``vectors`` of sixteen channels."""

    pixels: int
    vectors: int

    @property
    def channels(self) -> int:
        """Return how many channels that are."""
        return self.vectors * LANES


TILES = tuple(
    Tile(pixels, vectors)
    for vectors in range(1, 9)
    for pixels in range(1, 13)
    if pixels * vectors <= SUMS
)


def tile_of(pixels: int, channels: int, quads: int, row: int = 0) -> Tile:
    """Return the tile that takes the least time for a product of this size.

    Pixels come from rows of ``row``, if any: those of a tile then need an address each, unless
    tiles divide rows.

    >>> tile_of(196, 512, 128), tile_of(49, 1024, 256), tile_of(1, 1000, 256)
    (Tile(pixels=4, vectors=4), Tile(pixels=7, vectors=2), Tile(pixels=1, vectors=7))
    """
    vectors = -(-channels // LANES)
    fit = [t for t in TILES if t.pixels <= pixels and t.vectors <= vectors]

    def cost(tile: Tile) -> float:
        tiles = -(-pixels // tile.pixels) * -(-vectors // tile.vectors)
        dots, loads = tile.pixels * tile.vectors, tile.pixels + tile.vectors
        apart = row > 0 and row % tile.pixels != 0
        addresses = max(tile.pixels - ADDRESSES, 0) if apart else 0
        # A dot product a cycle; rescaling for each vector, its factors, and the loop at the end.
        step = max(dots, LATENCY) + 0.05 * loads + addresses
        return tiles * (quads * step + 6 * dots + 3 * tile.vectors + 8)

    return min(fit, key=cost)


def vector_starts(channels: int, tile: Tile) -> tuple[int, ...]:
    """Return the first channel of each vector; those beyond the last whole one overlap it.

    >>> vector_starts(40, Tile(8, 2))
    (0, 16, 24, 24)
    """
    last = max(channels - LANES, 0)
    panels = -(-channels // tile.channels)
    return tuple(min(LANES * v, last) for v in range(panels * tile.vectors))


def packed_weights(runs: np.ndarray, tile: Tile) -> np.ndarray:
    """Return weights [channels, runs, places] in the order in which the kernel reads them.

    Panels of ``tile.channels`` channels; in each, the runs of a window by fours, and the four
    weights beside each other for each channel. What was added to fill fours and vectors has no
    weight.
    """
    channels, count, places = runs.shape
    padded = np.zeros((max(channels, LANES), count, -(-places // QUAD) * QUAD), np.int8)
    padded[:channels, :, :places] = runs
    starts = vector_starts(channels, tile)
    vectors = np.stack([padded[s : s + LANES] for s in starts])
    panels = vectors.reshape(-1, tile.vectors, LANES, padded[0].size // QUAD, QUAD)
    return np.ascontiguousarray(panels.transpose(0, 3, 1, 2, 4)).ravel()


def _product_facts(
    op: Conv2D | FullyConnected, io: Operands, tile: Tile, pixels: int, runs: int, scratch: int
) -> Facts:
    """Return what all products share: ``pixels`` at a time, windows of so many runs."""
    w = centred(io.ins[1], np.int32)
    w = w.reshape(len(w), -1)
    channels, run = len(w), w.shape[1] // runs
    length = max(channels, LANES)
    rescale = layer_rescale(op, io, w, length)
    narrow = is_narrow(w)
    stored = w if narrow else io.ins[1].array
    constants = {
        "OUT_C": channels,
        "WINDOW": runs * -(-run // QUAD) * QUAD,
        "TILE": tile.pixels,
        "PANEL": tile.channels,
        **({} if narrow else {"W_ZERO": weight_zero(io)}),
        **codes(op, io),
        **rescale.constants,
    }
    bias = raised_bias(io, w.sum(axis=1, dtype=np.int64), length)
    packed = packed_weights(stored.reshape(channels, runs, run), tile)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, "weights by fours, panel by panel"),
            Data("bias", bias, "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={
            "code": "uint8_t",
            "rescale": rescale.flag,
            "zero": not narrow,
            "few": channels < LANES,
            "overlap": channels % tile.channels != 0,
            "pixels": range(tile.pixels),
            "vectors": range(tile.vectors),
        },
        scratch=_scratch(pixels, scratch + SLACK, narrow),
    )


def _scratch(pixels: int, length: int, narrow: bool) -> Scratch:
    """Return memory for raised codes, behind what each pixel adds for the weights' zero point."""
    if narrow:
        return Scratch("codes", DType.UINT8, length)
    return Scratch("shares", DType.INT32, pixels + -(-length // 4))


def _matrix_facts(op: Conv2D | FullyConnected, io: Operands, pixels: int, depth: int) -> Facts:
    tile = tile_of(pixels, io.y.shape[-1], -(-depth // QUAD))
    tiles = max(1, SCRATCH_BYTES // (depth * tile.pixels))
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
    strip = strip_of(op, io, SCRATCH_BYTES)
    row = io.y.shape[2] if strip.rows > 1 else 0
    tile = tile_of(strip.count, io.y.shape[3], strip.runs * -(-strip.run // QUAD), row)
    facts = _product_facts(op, io, tile, strip.count, strip.runs, strip.codes)
    scattered = strip.is_scattered(op, io, tile.pixels)
    return replace(
        facts,
        constants={**strip.constants, **facts.constants},
        flags={**facts.flags, "joined": strip.joined, "scattered": scattered},
        note=conv2d_note(op, io),
    )


ROWS = product_rows(
    "x86_vnni",
    HEADERS,
    pointwise=pointwise_facts,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
