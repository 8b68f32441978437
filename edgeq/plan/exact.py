"""Exact search for arena offsets: branch and bound over the order in which buffers touch down.

Buffers are rectangles, time by size. It is enough to look at placements in which every rectangle
rests on another or on the floor, and to build them from the lowest rectangle up. Then a
rectangle's offset follows from those already placed, and a branch is only the choice of the next
one. The pruning rules are in the spirit of MiniMalloc (Moffitt, ASPLOS 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_PLACED = 1 << 62
_PAIRS_PER_CHARGE = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Rectangles:
    """Sizes, and lifetimes as ranges ``[begin, end)`` of sections.

    A section is a step in which some buffer is born. Two buffers that meet at all meet in one, and
    the sum of live sizes is largest in one, so other steps need not be looked at.
    """

    sizes: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, buffers: Sequence[tuple[int, int, int]]) -> Rectangles:
        """Return the rectangles of buffers given as size, first step and last step."""
        sizes, first, last = np.array(buffers, dtype=np.int64).reshape(-1, 3).T
        births = np.unique(first)
        begins, ends = np.searchsorted(births, first), np.searchsorted(births, last, "right")
        return cls(sizes, begins, ends)

    def ranked(self, rank: np.ndarray) -> Rectangles:
        """Return the rectangles in another order."""
        return Rectangles(self.sizes[rank], self.begins[rank], self.ends[rank])

    def load(self) -> np.ndarray:
        """Return the sum of live sizes in each section."""
        change = np.zeros(int(self.ends.max(initial=0)) + 1, dtype=np.int64)
        np.add.at(change, self.begins, self.sizes)
        np.subtract.at(change, self.ends, self.sizes)
        return np.cumsum(change)[:-1]

    def top(self, offsets: np.ndarray) -> int:
        """Return the height that a placement needs."""
        return int((offsets + self.sizes).max(initial=0))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The best offsets known, and a height that no placement can go below."""

    offsets: np.ndarray
    bound: int


def search(known: Rectangles, offsets: np.ndarray, bound: int, budget: int) -> Found:
    """Look for offsets that need less than the given ones; none needs less than ``bound``.

    ``budget`` is the number of times that one rectangle may be put somewhere, in all; where
    many rectangles are alive together one time counts as several. Restarts with other orders
    and a growing share of the budget keep one bad early choice from eating all of it.
    """
    charge = 1 + int((known.ends - known.begins).sum()) // _PAIRS_PER_CHARGE
    steps, share = budget // charge, max(2 * len(offsets), budget // charge // 64)
    if steps < len(offsets):
        return Found(offsets, bound)
    ranks, turn, first_bound = _ranks(known), 0, bound
    best, top = offsets.copy(), known.top(offsets)
    while top > bound and steps > 0:
        rank = ranks[turn % len(ranks)]
        # Most often the bound can be met; once it is known that it cannot, halve what is left.
        middle = bound if bound == first_bound else (bound + top) // 2
        climb = _Climb.start(known.ranked(rank), middle if turn % 2 == 0 else top - 1)
        exhausted = climb.run(min(share, steps))
        if climb.complete:
            best[rank] = climb.offsets
            top = known.top(best)
        elif exhausted:
            bound = climb.limit + 1
        steps, turn, share = steps - climb.tried, turn + 1, share + share // 4
    return Found(best, bound)


def _ranks(known: Rectangles) -> list[np.ndarray]:
    """Return the orders in which rectangles of equal offset are tried: the hardest first."""
    sizes, width, load = known.sizes, known.ends - known.begins, known.load()
    lives = zip(known.begins, known.ends, strict=True)
    crowd = np.array([load[begin:end].max() for begin, end in lives], dtype=np.int64)
    area = sizes * width
    keys = ((width, sizes), (area, crowd), (sizes, width), (crowd, area), (crowd, width, sizes))
    return [np.lexsort([-key for key in reversed(key)]) for key in keys]


@dataclass(slots=True)
class _Climb:
    """One depth-first search for a placement of at most ``limit``.

    ``rests`` is where each rectangle would touch down (``_PLACED``, above all, for those placed)
    and ``waiting`` the sizes still to come in each section. ``near`` lists the rectangles that
    meet each one, itself included. ``inside`` lists those alive in each section, one section after
    the other, starting at ``heads``.
    """

    known: Rectangles
    limit: int
    near: tuple[np.ndarray, ...]
    inside: np.ndarray
    heads: np.ndarray
    rests: np.ndarray
    waiting: np.ndarray
    offsets: np.ndarray
    tried: int = 0
    complete: bool = False

    @classmethod
    def start(cls, known: Rectangles, limit: int) -> _Climb:
        """Return a search in which nothing is placed yet."""
        begins, ends = known.begins, known.ends
        waiting = known.load()
        alive = [np.flatnonzero((begins <= s) & (s < ends)) for s in range(len(waiting))]
        return cls(
            known=known,
            limit=limit,
            near=tuple(
                np.flatnonzero((begins < end) & (begin < ends))
                for begin, end in zip(begins, ends, strict=True)
            ),
            inside=np.concatenate(alive),
            heads=np.cumsum([0] + [len(indices) for indices in alive[:-1]]),
            rests=np.zeros_like(known.sizes),
            waiting=waiting,
            offsets=np.zeros_like(known.sizes),
        )

    def run(self, budget: int) -> bool:
        """Return whether every placement was ruled out; set ``complete`` if one was found."""
        placed: list[tuple[int, np.ndarray]] = []
        branches = [self._branches(0, -1)]
        while branches:
            index = next(branches[-1], -1)
            if index < 0:
                branches.pop()
                if placed:
                    self._take_back(*placed.pop())
                continue
            if self.tried >= budget:
                return False
            self.tried += 1
            placed.append(self._put(index))
            if len(placed) == len(self.rests):
                self.complete = True
                return False
            branches.append(self._branches(int(self.offsets[index]), index))
        return True

    def _branches(self, height: int, previous: int) -> Iterator[int]:
        """Return what may come next, lowest first; nothing where the limit cannot be kept."""
        rests, sizes, waiting = self.rests, self.known.sizes, self.waiting
        rise = np.maximum(rests, height)
        # All that is still to come in a section lies above the least rise of any of it.
        low = np.minimum.reduceat(rise[self.inside], self.heads)
        if (np.where(waiting > 0, low + waiting, 0) > self.limit).any():
            return iter(())
        if (np.where(rests < _PLACED, rise + sizes, 0) > self.limit).any():
            return iter(())
        # Whatever fits wholly below a later one could sink there: it must come before that one.
        sunk = int((rests + sizes).min())
        indices = np.flatnonzero((rests >= height) & (rests < sunk))
        indices = indices[np.argsort(rests[indices], kind="stable")]
        # Rectangles at the same height do not meet, so one order among them is enough.
        return iter([i for i in indices.tolist() if rests[i] > height or i > previous])

    def _put(self, index: int) -> tuple[int, np.ndarray]:
        known, near = self.known, self.near[index]
        at, size, before = int(self.rests[index]), int(known.sizes[index]), self.rests[near]
        self.offsets[index] = at
        self.waiting[known.begins[index] : known.ends[index]] -= size
        self.rests[near] = np.maximum(before, at + size)
        self.rests[index] = _PLACED
        return index, before

    def _take_back(self, index: int, before: np.ndarray) -> None:
        known = self.known
        self.rests[self.near[index]] = before
        self.waiting[known.begins[index] : known.ends[index]] += known.sizes[index]
