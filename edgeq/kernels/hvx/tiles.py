"""How HVX products are cut: tiles of sums in registers, groups of windows, packed weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.kernels.hvx.common import LANES, VECTOR

WIDEST = 4  # vectors of channels in a tile: the outputs of a pixel fill a vector of bytes
SUMS = 18  # vectors that stay in registers beside the weights
DEEP = 8  # codes that one load brings into a pair of registers
QUAD = 4  # products that one lane sums
RAISED = 128
FOLD = 8  # windows whose codes are summed together
GROUP_PIXELS = 64
GROUP_PACKETS = 60  # that a group takes beside its tiles
GROUP_BYTES = 1 << 15


@dataclass(frozen=True, slots=True)
class Tile:
    """What is summed in registers at a time: ``pixels`` times so many vectors of channels.

    There are ``blocks`` of 128 channels, and then ``rest`` vectors of the channels left.
    """

    pixels: int
    blocks: int
    rest: int

    @property
    def vectors(self) -> int:
        """Return the vectors of all channels."""
        return WIDEST * self.blocks + self.rest


def tile_of(pixels: int, channels: int, depth: int) -> Tile:
    """Return the tile that takes the fewest packets for windows of ``depth`` codes.

    >>> tile_of(196, 512, 512), tile_of(196, 64, 384)
    (Tile(pixels=4, blocks=4, rest=0), Tile(pixels=8, blocks=0, rest=2))
    """
    blocks, left = divmod(channels, VECTOR)
    rest = -(-left // LANES)
    most = SUMS // (WIDEST if blocks else rest)
    fitting = [Tile(p, blocks, rest) for p in (1, 2, 3, 4, 6, 8) if p <= min(most, pixels)]
    return min(fitting, key=lambda tile: -(-pixels // tile.pixels) * tile_packets(tile, depth))


def tile_packets(tile: Tile, depth: int) -> float:
    """Return about how many packets a tile takes, for windows of ``depth`` codes.

    Two products fit in one, beside one load of weights or two of codes.
    """
    steps, p = -(-depth // DEEP), tile.pixels
    return sum(
        count * (steps * (max(p * v, v + p / 2, 2 * v) + 1) + 3.5 * p * v + 8)
        for v, count in ((WIDEST, tile.blocks), (tile.rest, 1 if tile.rest else 0))
    )


def packed_weights(w: np.ndarray, tile: Tile) -> np.ndarray:
    """Return stored weights [channels, depth], plus 128, in the order in which they are read.

    For each block of vectors: the depth by fours, and for each vector the four of each lane. What
    was added to fill fours and lanes meets codes of 0.
    """
    channels, depth = w.shape
    full = np.zeros((tile.vectors * LANES, -(-depth // DEEP) * DEEP), np.uint8)
    full[:channels, :depth] = w.astype(np.int32) + RAISED
    lanes = full.reshape(tile.vectors, LANES, -1, QUAD)
    starts = range(0, WIDEST * tile.blocks, WIDEST)
    parts = [lanes[start : start + WIDEST] for start in starts]
    parts += [lanes[WIDEST * tile.blocks :]] if tile.rest else []
    return np.concatenate([part.transpose(2, 0, 1, 3).ravel() for part in parts])


def group_of(pixels: int, tile: Tile, depth: int) -> int:
    """Return how many windows are multiplied while they stay near: all, or some whole tiles.

    The last group overlaps that before it.

    >>> group_of(196, Tile(4, 1, 0), 256), group_of(7, Tile(4, 1, 0), 256)
    (28, 7)
    """
    most = max(tile.pixels, min(GROUP_PIXELS, GROUP_BYTES // depth))
    sizes = [pixels] if pixels <= most else []
    sizes += range(tile.pixels, min(most, pixels) + 1, tile.pixels)
    packets = tile_packets(tile, depth)

    def cost(n: int) -> tuple[float, int]:
        folds, tiles = -(-n // FOLD), -(-n // tile.pixels)
        return -(-pixels // n) * (GROUP_PACKETS + 20 * folds + packets * tiles), -n

    return min(sizes, key=cost)
