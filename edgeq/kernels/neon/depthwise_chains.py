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
MOST_CHAINS = 6  # of taps whose weights are sums of two; others can always go in five
MOST_SPLIT = 4  # taps of a group whose weights are sums of two
GROUP_COST = 0.02  # what one more piece of code has to save of the instructions
REST_COST = 34  # instructions for a vector of outputs, besides the additions to 32-bit sums ...
CHAIN_COST = 4  # ... and those, for each chain
WIDE_COST = 76  # instructions for as many outputs with weights of 16 bits

Chains = tuple[tuple[int, ...], ...]
Fits = Mapping[int, np.ndarray]  # by panel: which subsets of the taps, as bits, can be chains


@dataclass(frozen=True, slots=True)
class Group:
    """Panels of ``lanes`` channels, by their first channel, and the chains of their taps.

    Weights of the taps in ``split`` are beyond 8 bits, and the sum of two that are not. Without
    chains, weights take 16 bits and products are added in 32.
    """

    lanes: int
    chains: Chains
    panels: tuple[int, ...]
    split: tuple[int, ...] = ()

    @property
    def products(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Return the products of each chain: tap, and row of weights.

        >>> Group(8, ((0, 1), (2,)), (0,), (1,)).products
        (((0, 0), (1, 1), (1, 9)), ((2, 2),))
        """
        rows: dict[int, tuple[int, ...]] = {tap: (tap,) for tap in range(TAPS)}
        rows |= {tap: (tap, TAPS + i) for i, tap in enumerate(self.split)}
        return tuple(tuple((t, row) for t in chain for row in rows[t]) for chain in self.chains)


def grouped(w: np.ndarray, lanes: int) -> tuple[Group, ...]:
    """Return the groups of a layer with weights [9, channels], in panels of ``lanes`` or 8.

    >>> [len(group.chains) for group in grouped(np.full((9, 32), 28), 16)]
    [1]
    >>> grouped(np.full((9, 24), 200), 16)
    (Group(lanes=8, chains=(), panels=(0, 8, 16), split=()),)
    """
    groups: list[Group] = []
    wide: list[int] = []
    for size, starts in panels_of(w.shape[1], lanes).items():
        left = set(starts)
        for split, panels in _by_split(w, starts, size):
            found = _shared({p: fitting(w[:, p : p + size]) for p in panels}, size, split)
            groups += found
            left -= {start for group in found for start in group.panels}
        wide += [part for start in sorted(left) for part in range(start, start + size, 8)]
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


def _by_split(
    w: np.ndarray, starts: Sequence[int], size: int
) -> tuple[tuple[tuple[int, ...], list[int]], ...]:
    """Return the panels whose weights are int8, and those with a few taps where they are not."""
    narrow: list[int] = []
    split: list[int] = []
    taps: set[int] = set()
    for start in starts:
        panel = w[:, start : start + size]
        beyond = set(np.flatnonzero(((panel > 127) | (panel < -128)).any(axis=1)).tolist())
        if not beyond:
            narrow.append(start)
        elif len(taps | beyond) <= MOST_SPLIT and panel.max() <= 254:
            split.append(start)
            taps |= beyond
    return ((), narrow), (tuple(sorted(taps)), split)


def fitting(w: np.ndarray) -> np.ndarray:
    """Tell for each subset of the taps, as bits, whether its products always add up to 16 bits.

    Weights are [9, channels]; the whole subset must do so in every channel. Every part of it then
    does so too, so the order of the additions is free.
    """
    subsets = np.arange(1 << TAPS)[:, None] >> np.arange(TAPS) & 1
    positive, negative = np.maximum(w, 0), np.maximum(-w, 0)
    highest = subsets @ (127 * positive + 128 * negative)
    lowest = subsets @ (128 * positive + 127 * negative)
    return np.asarray(((highest <= 32767) & (lowest <= 32768)).all(axis=1))


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
    suited = np.asarray(np.stack([fits[start] for start in left])[:, bits].all(axis=2))
    best = int(suited.sum(axis=0).argmax())
    return found[best], tuple(start for i, start in enumerate(left) if suited[i, best])


def _shared(fits: Fits, lanes: int, split: tuple[int, ...]) -> tuple[Group, ...]:
    """Return the groups, few and of few chains; panels in none of them need 16-bit weights."""
    numbers = range(1, 1 + MOST_CHAINS if split else len(PAIRS))
    choices = [
        _assigned(fits, lanes, split, blocks)
        for count in range(MOST_GROUPS)
        for blocks in combinations(numbers, count)
    ]
    return min(choices, key=lambda groups: _cost(groups, len(fits)))


def _assigned(
    fits: Fits, lanes: int, split: tuple[int, ...], blocks: Sequence[int]
) -> tuple[Group, ...]:
    """Return the groups when chains number ``blocks`` where they can, and five elsewhere."""
    groups = []
    left = tuple(fits)
    for count in blocks:
        chains, panels = _best(fits, left, count) if left else ((), ())
        if panels:
            groups.append(Group(lanes, chains, panels, split))
            left = tuple(start for start in left if start not in panels)
    paired = tuple(start for start in left if all(fits[start][_bits(pair)] for pair in PAIRS))
    return (*groups, Group(lanes, PAIRS, paired, split)) if paired else tuple(groups)


def _cost(groups: Sequence[Group], panels: int) -> float:
    each = [len(g.panels) * (REST_COST + CHAIN_COST * len(g.chains)) for g in groups]
    rest = panels - sum(len(group.panels) for group in groups)
    return (sum(each) + rest * WIDE_COST) * (1 + GROUP_COST * len(groups))
