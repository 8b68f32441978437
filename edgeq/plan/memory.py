"""Arena offsets: buffers that live at the same time never share a byte.

The least arena is at least the largest sum of buffers that are alive together. Cheap orders of
placement mostly meet that bound; where none does, ``edgeq.plan.exact`` searches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from edgeq.errors import ModelError, VerifyError
from edgeq.plan.exact import Rectangles, search

SEARCH_BUDGET = 20_000
"""How many times the exact search may put a buffer somewhere, unless the caller says otherwise."""

# How many more orders are tried where the plainer ones leave gaps, and how often one is mended.
_TURNS = range(64)
_TRIES = 64
_MOST_BYTES = 1 << 61  # so that sums of sizes stay below the marks of the search and in 64 bits


@dataclass(frozen=True, slots=True)
class Buffer:
    """A region of ``size`` bytes that lives from step ``first`` to step ``last``, inclusive."""

    name: str
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where every buffer lies, and how far that is from the least possible.

    ``offsets`` are bytes into the arena, ``arena`` the bytes it needs. No placement can need less
    than ``lower_bound``, the most bytes alive in any step; sizes count rounded up to the
    alignment. ``method`` is ``"greedy"`` or ``"exact"``. ``optimal`` tells that no placement is
    smaller: the bound is met, or the search was exhausted.

    Where the arena has several regions, ``regions`` tells the one of each buffer, ``sizes`` are
    the bytes that each needs, and ``arena`` is their sum (``edgeq.plan.regions``).
    """

    offsets: Mapping[str, int]
    arena: int
    lower_bound: int
    method: str
    optimal: bool
    regions: Mapping[str, int] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "offsets", MappingProxyType(dict(self.offsets)))
        object.__setattr__(self, "regions", MappingProxyType(dict(self.regions)))


def place(buffers: Sequence[Buffer], *, alignment: int, budget: int = SEARCH_BUDGET) -> Placement:
    """Return byte offsets, multiples of ``alignment``, at which no two live buffers overlap.

    ``budget`` bounds the exact search by the number of placements that it tries; 0 leaves it
    out. The result depends on the buffers only, not on their order or on time. Raise ModelError
    if a buffer ends before it starts, has fewer than 0 bytes, or is named twice.

    >>> place([Buffer("x", 8, 0, 1), Buffer("y", 5, 1, 2)], alignment=4).arena
    16
    """
    _check(buffers, alignment)
    solid = sorted((b for b in buffers if b.size), key=lambda b: (b.first, b.name))
    # Sizes and offsets count units of the alignment until the end.
    known = Rectangles.of([(-(-b.size // alignment), b.first, b.last) for b in solid])
    bound = int(known.load().max(initial=0))
    offsets, method, least = np.zeros_like(known.sizes), "greedy", bound
    for part in _separate(known):
        inside = known.ranked(part)
        lowest = _greedy(inside, bound)
        if inside.top(lowest) > bound:
            found = search(inside, lowest, bound, budget)
            least = max(least, found.bound)
            method = "exact" if inside.top(found.offsets) < inside.top(lowest) else method
            lowest = found.offsets
        offsets[part] = lowest
    arena = known.top(offsets)
    names = [b.name for b in solid]
    return Placement(
        offsets={b.name: 0 for b in buffers}
        | dict(zip(names, (offsets * alignment).tolist(), strict=True)),
        arena=arena * alignment,
        lower_bound=bound * alignment,
        method=method,
        optimal=arena == least,
    )


def verify_placement(
    buffers: Sequence[Buffer], placement: Placement, *, alignment: int = 1
) -> None:
    """Raise VerifyError unless all buffers lie in the arena, aligned, and apart while alive."""
    alive: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda b: (b.first, b.name)):
        _verify_place(buffer, placement, alignment)
        alive = [b for b in alive if b.last >= buffer.first]
        start = placement.offsets[buffer.name]
        # Where there are no bytes, nothing can overlap.
        for other in alive if buffer.size else ():
            at = placement.offsets[other.name]
            if start < at + other.size and at < start + buffer.size:
                raise VerifyError(
                    f"buffers '{other.name}' (bytes {at} to {at + other.size}, steps "
                    f"{other.first} to {other.last}) and '{buffer.name}' (bytes {start} to "
                    f"{start + buffer.size}, steps {buffer.first} to {buffer.last}) overlap"
                )
        if buffer.size:
            alive.append(buffer)


def _verify_place(buffer: Buffer, placement: Placement, alignment: int) -> None:
    at = placement.offsets.get(buffer.name)
    if at is None:
        raise VerifyError(f"buffer '{buffer.name}' has no place")
    if at < 0 or at + buffer.size > placement.arena:
        raise VerifyError(
            f"buffer '{buffer.name}' (bytes {at} to {at + buffer.size}) is not inside the arena "
            f"of {placement.arena} bytes"
        )
    if at % alignment:
        raise VerifyError(f"buffer '{buffer.name}' lies at {at}, not a multiple of {alignment}")


def _check(buffers: Sequence[Buffer], alignment: int) -> None:
    if alignment < 1:
        raise ModelError(f"alignment is {alignment}", hint="it must be 1 or more")
    names: set[str] = set()
    for buffer in buffers:
        if buffer.size < 0:
            raise ModelError(f"buffer '{buffer.name}' has {buffer.size} bytes")
        if buffer.last < buffer.first:
            raise ModelError(
                f"buffer '{buffer.name}' lives from step {buffer.first} to {buffer.last}"
            )
        if buffer.name in names:
            raise ModelError(f"two buffers are named '{buffer.name}'")
        names.add(buffer.name)
    total = sum(buffer.size + alignment for buffer in buffers)
    if total >= _MOST_BYTES:
        raise ModelError(f"buffers of {total} bytes in all are more than memory can hold")


def _separate(known: Rectangles) -> list[np.ndarray]:
    """Split where nothing lives across: the parts are independent, each an array of indices."""
    if not len(known.sizes):
        return []
    # Begins are sorted, so a part ends where the next begins after all that came before.
    ends = np.maximum.accumulate(known.ends)
    cuts = np.flatnonzero(known.begins[1:] >= ends[:-1]) + 1
    return np.split(np.arange(len(known.sizes)), cuts)


def _greedy(known: Rectangles, bound: int) -> np.ndarray:
    """Return the lowest of a few greedy placements; stop at the first that is at the bound."""
    sizes, width, last = known.sizes, known.ends - known.begins, -known.ends
    # Sorts are stable, so ties go by first step, then name. The first key wins most often.
    keys = ((-sizes,), (-sizes * width,), (-width, -sizes), (known.begins, -sizes), (last, -sizes))
    ranks = [np.lexsort(key[::-1]) for key in keys]
    # From the fullest section outwards, by size, shaken.
    peak = int(known.load().argmax())
    far = np.maximum(0, np.maximum(known.begins - peak, peak + 1 - known.ends))
    ranks += [np.lexsort((-sizes * _weights(len(sizes), turn), far)) for turn in _TURNS]
    best = _first_fit(known, ranks[0])
    for rank in ranks[1:]:
        if known.top(best) <= bound:
            break
        offsets = _first_fit(known, rank)
        best = offsets if known.top(offsets) < known.top(best) else best
    return _mended(known, ranks[0], best, bound)


def _mended(known: Rectangles, rank: np.ndarray, best: np.ndarray, bound: int) -> np.ndarray:
    """Put what sticks out before all others, again and again; return the lowest placement."""
    for _ in range(_TRIES):
        if known.top(best) <= bound:
            break
        offsets = _first_fit(known, rank)
        best = offsets if known.top(offsets) < known.top(best) else best
        highest = int((offsets + known.sizes).argmax())
        rank = np.concatenate(([highest], rank[rank != highest]))
    return best


def _weights(count: int, turn: int) -> np.ndarray:
    """Return numbers from 1024 to 2047 that differ from turn to turn, the same on any machine."""
    steps = np.arange(1, count + 1, dtype=np.int64) * (2 * turn + 1)
    weights: np.ndarray = 1024 + steps * 2654435761 % (1 << 32) // (1 << 22)
    return weights


def _first_fit(known: Rectangles, rank: np.ndarray) -> np.ndarray:
    """Put one after the other at the lowest offset that is free for its whole life."""
    offsets, placed = np.zeros_like(known.sizes), np.zeros(len(rank), dtype=bool)
    for index in rank.tolist():
        begin, end, size = known.begins[index], known.ends[index], known.sizes[index]
        near = np.flatnonzero(placed & (known.begins < end) & (begin < known.ends))
        near = near[np.argsort(offsets[near])]
        starts = offsets[near]
        tops = np.concatenate(([0], np.maximum.accumulate(starts + known.sizes[near])))
        gaps = np.flatnonzero(starts - tops[:-1] >= size)
        offsets[index] = tops[gaps[0]] if len(gaps) else tops[-1]
        placed[index] = True
    return offsets
