"""What the template of dot products reads: the order of the weights, the loads and the loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.kernels.aarch64_dotprod.tiles import (
    LANES,
    STEP,
    Blocks,
    Panels,
    Window,
    heights,
    tall_pixels,
)

STRAIGHT = 3  # vectors of codes that need no loop


@dataclass(frozen=True, slots=True)
class Loop:
    """What the template writes for panels of one width.

    The first panel's channels start at ``first`` and its weights at ``at``; the last panel's
    start at ``last`` if it ``overlaps``. Of each panel ``stored`` channels are written. ``tall``
    is the number of pixels of a whole block, and of the last one, in tiles of ``height``; then
    come ``short`` tiles of ``rest``.
    """

    vectors: int
    count: int
    first: int
    last: int
    overlaps: bool
    stored: int
    at: int
    bytes: int
    height: int
    rest: int
    tall: tuple[int, ...]
    short: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """How a run of codes is loaded: in a loop, in single vectors, then what is left of it.

    The loop passes over ``looped`` codes. Single vectors start at ``straight``. Of the last
    load, ``lanes`` count: ``left`` codes. It starts ``back`` places before them, and is turned by
    ``turn`` places where the run's end is not a lane's. ``partial`` is how many codes alone may
    be read, or 0 for a vector. ``counted`` is a vector of ones for these codes, as C constants.
    """

    looped: int
    straight: range
    left: int
    lanes: range
    back: int
    turn: int
    partial: int
    counted: tuple[str, str]


def packed_weights(w: np.ndarray, panels: tuple[Panels, ...]) -> np.ndarray:
    """Return a matrix [channels, depth] in the order in which the kernel reads it.

    Panel by panel; in each, four places of a window at a time, for each of its channels.
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


def padded_runs(w: np.ndarray, window: Window) -> np.ndarray:
    """Return a matrix [channels, runs * run] with zeros after each run, up to a whole lane."""
    runs = w.reshape(len(w), window.runs, window.run)
    return np.pad(runs, ((0, 0), (0, 0), (0, -window.run % LANES))).reshape(len(w), -1)


def steps(run: int, beyond: bool) -> Steps:
    """Return how a run is loaded; ``beyond`` tells whether a vector may reach over its end."""
    whole, left = divmod(run, STEP)
    looped = whole // 2 * 2 if whole > STRAIGHT else 0
    lanes = -(-left // LANES)
    straight = range(0, (whole - looped) * STEP, STEP)
    if beyond or not whole or not left:
        partial = 0 if beyond else left
        ones = _ones(0, left)
        return Steps(looped * STEP, straight, left, range(lanes), 0, 0, partial, ones)
    turn = STEP - left if left % LANES else 0
    first = 0 if turn else STEP // LANES - lanes
    used = range(first, first + lanes)
    ones = _ones(0, left) if turn else _ones(STEP - left, STEP)
    return Steps(looped * STEP, straight, left, used, STEP - left, turn, 0, ones)


def _ones(first: int, end: int) -> tuple[str, str]:
    """Return a vector that is one from ``first`` to before ``end``, and zero elsewhere."""
    ones = np.zeros(STEP, np.uint8)
    ones[first:end] = 1
    low, high = ones.view("<u8")
    return f"UINT64_C(0x{low:x})", f"UINT64_C(0x{high:x})"


def loops(
    panels: tuple[Panels, ...], blocks: Blocks, window: Window, channels: int
) -> tuple[Loop, ...]:
    """Return the loops over panels and tiles."""
    sizes = (blocks[0][1], blocks[-1][1])
    at = 0
    result = []
    for panel in panels:
        found = heights(blocks, panel.vectors, window)
        tall = tuple(tall_pixels(size, found.height, found.rest) for size in sizes)
        short = tuple(-(-(n - t) // found.rest) for n, t in zip(sizes, tall, strict=True))
        last = max(0, channels - panel.channels)
        size = window.lanes * LANES * panel.channels
        result.append(
            Loop(
                vectors=panel.vectors,
                count=panel.count,
                first=panel.first,
                last=last,
                overlaps=panel.first + (panel.count - 1) * panel.channels > last,
                stored=min(channels, panel.channels),
                at=at,
                bytes=size,
                height=found.height,
                rest=found.rest,
                tall=tall,
                short=short,
            )
        )
        at += panel.count * size
    return tuple(result)
