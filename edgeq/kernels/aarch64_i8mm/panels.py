"""How products with the matrix multiply instructions are cut up, and their constants packed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.plan.program import Data

GROUP = 8  # pixels whose sums are in registers ...
PANEL = 8  # ... for so many channels: 16 vectors of two by two sums
STEP = 8  # codes of a pixel that one instruction multiplies
UNROLLED = 4  # steps written out in the body of a loop
SCRATCH_BYTES = 1 << 14  # packed codes that stay in the first cache while weights pass over them


def panel_starts(channels: int) -> tuple[int, ...]:
    """Return the first channel of each panel; the last panel may overlap the one before.

    >>> panel_starts(20), panel_starts(3)
    ((0, 8, 12), (0,))
    """
    last = max(channels - PANEL, 0)
    return tuple(min(start, last) for start in range(0, channels, PANEL))


def packed_weights(w: np.ndarray, depth: int) -> np.ndarray:
    """Return a matrix [channels, window] of codes in the order in which the kernel reads it.

    Panel by panel; in each, eight places of the window at a time, for one channel after the other.
    Places and channels that were added, up to ``depth`` and ``PANEL``, have zeros.
    """
    channels, window = w.shape
    padded = np.zeros((max(channels, PANEL), depth), np.int8)
    padded[:channels, :window] = w
    panels = np.stack([padded[s : s + PANEL] for s in panel_starts(channels)])
    steps = panels.reshape(len(panels), PANEL, depth // STEP, STEP).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(steps).ravel()


def paired(data: Data, channels: int) -> Data:
    """Return what belongs to each channel as vectors of sums have it: panel by panel, 0 1 0 1 2 3.

    Two channels stand in each vector twice, for two pixels. What is one for all stays.
    """
    if data.array.size == 1:
        return data
    pairs = [
        start + 2 * j + lane
        for start in panel_starts(channels)
        for j in range(4)
        for lane in (0, 1) * 2
    ]
    return replace(data, array=np.ascontiguousarray(data.array[pairs]))


def block_of(pixels: int, pixel_bytes: int) -> int:
    """Return how many pixels are packed at a time: whole tiles, or all.

    >>> block_of(784, 128), block_of(49, 4608), block_of(5, 64)
    (128, 8, 5)
    """
    tiles = max(1, SCRATCH_BYTES // (GROUP * pixel_bytes))
    return min(tiles * GROUP, pixels)
