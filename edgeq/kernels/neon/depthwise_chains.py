"""How the nine products of a depthwise window are summed: in 16 bits while they fit, then in 32.

A chain is a set of taps whose products, added in 16 bits, cannot overflow for any codes with the
weights at hand. The fewer chains, the fewer additions to 32-bit sums. A group is the panels of
channels that share one set of chains, and so one piece of code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

TAPS = 9
PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8,))
MOST_GROUPS = 3  # pieces of code for the panels of one size
GROUP_COST = 0.02  # what one more piece of code has to save of the instructions
REST_COST = 34  # instructions for a vector of outputs, besides the additions to 32-bit sums ...
CHAIN_COST = 4  # ... and those, for each chain

Chains = tuple[tuple[int, ...], ...]
Fits = Mapping[int, np.ndarray]  # by panel: which subsets of the taps, as bits, can be chains


@dataclass(frozen=True, slots=True)
class Group:
    """Panels of ``lanes`` channels, by their first channel, and the chains of their taps.

    Without chains, weights take 16 bits and products are added in 32.
    """

    lanes: int
    chains: Chains
    panels: tuple[int, ...]


def grouped(w: np.ndarray, lanes: int) -> tuple[Group, ...]:
    """Return the groups of a layer with weights [9, channels], in panels of ``lanes`` or 8.

    >>> [len(group.chains) for group in grouped(np.full((9, 32), 28), 16)]
    [1]
    >>> grouped(np.full((9, 24), 200), 16)
    (Group(lanes=8, chains=(), panels=(0, 8, 16)),)
    """
    groups: list[Group] = []
    wide: list[int] = []
    for size in (16, 8):
        fits = {}
        for start in panels_of(w.shape[1], lanes)[size]:
            subsets = fitting(w[:, start : start + size])
            if all(subsets[_bits(pair)] for pair in PAIRS):
                fits[start] = subsets
            else:
                wide += range(start, start + size, 8)
        groups += _shared(fits, size)
    return (*groups, Group(8, (), tuple(wide))) if wide else tuple(groups)


def panels_of(channels: int, lanes: int) -> dict[int, tuple[int, ...]]:
    """Return where panels of 16 and of 8 channels start; they overlap where channels run out.

    >>> panels_of(40, 16), panels_of(44, 16)
    ({16: (0, 16), 8: (32,)}, {16: (0, 16, 28), 8: ()})
    >>> panels_of(12, 16), panels_of(20, 8)
    ({16: (), 8: (0, 4)}, {16: (), 8: (0, 8, 12)})
    """
    full = tuple(range(0, channels - 15, 16)) if lanes == 16 else ()
    rest = range(16 * len(full), channels, 8)
    if full and len(rest) == 2:
        return {16: (*full, channels - 16), 8: ()}
    return {16: full, 8: tuple(min(start, channels - 8) for start in rest)}


def fitting(w: np.ndarray) -> np.ndarray:
    """Tell for each subset of the taps, as bits, whether its products always add up to 16 bits.

    Weights are [9, channels]; the whole subset must do so in every channel. Weights beyond int8
    fit nowhere.
    """
    subsets = np.arange(1 << TAPS)[:, None] >> np.arange(TAPS) & 1
    positive, negative = np.maximum(w, 0), np.maximum(-w, 0)
    highest = subsets @ (127 * positive + 128 * negative)
    lowest = subsets @ (128 * positive + 127 * negative)
    beyond = subsets @ ((w > 127) | (w < -128))
    return np.asarray(((highest <= 32767) & (lowest <= 32768) & (beyond == 0)).all(axis=1))


def _bits(taps: Sequence[int]) -> int:
    return sum(1 << tap for tap in taps)


@cache
def _partitions(blocks: int) -> tuple[tuple[Chains, ...], np.ndarray]:
    """Return every way to split the taps into this many chains, and the chains as bits."""
    labels = [[0]]
    for _ in range(TAPS - 1):
        labels = [[*part, b] for part in labels for b in range(min(max(part) + 2, blocks))]
    found = tuple(
        tuple(tuple(t for t in range(TAPS) if part[t] == b) for b in range(blocks))
        for part in labels
        if max(part) == blocks - 1
    )
    return found, np.array([[_bits(chain) for chain in chains] for chains in found])


def _best(fits: Fits, left: Sequence[int], blocks: int) -> tuple[Chains, tuple[int, ...]]:
    """Return the chains that suit the most of the panels that are left, and those panels."""
    found, bits = _partitions(blocks)
    suited: np.ndarray = np.stack([fits[start] for start in left])[:, bits].all(axis=2)
    best = int(suited.sum(axis=0).argmax())
    return found[best], tuple(s for i, s in enumerate(left) if suited[i, best])


def _shared(fits: Fits, lanes: int) -> tuple[Group, ...]:
    """Return the groups, few and of few chains, for panels that all can take pairs."""
    choices = [
        _assigned(fits, lanes, blocks)
        for count in range(MOST_GROUPS)
        for blocks in combinations(range(1, len(PAIRS)), count)
    ]
    return min(choices, key=_cost)


def _assigned(fits: Fits, lanes: int, blocks: Sequence[int]) -> tuple[Group, ...]:
    """Return the groups when chains number ``blocks`` where they can, and five elsewhere."""
    groups = []
    left = tuple(fits)
    for count in blocks:
        chains, panels = _best(fits, left, count) if left else ((), ())
        if panels:
            groups.append(Group(lanes, chains, panels))
            left = tuple(start for start in left if start not in panels)
    return (*groups, Group(lanes, PAIRS, left)) if left else tuple(groups)


def _cost(groups: Sequence[Group]) -> float:
    each = [len(g.panels) * (REST_COST + CHAIN_COST * len(g.chains)) for g in groups]
    return sum(each) * (1 + GROUP_COST * len(groups))
