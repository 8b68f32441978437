"""Turns of a stage as loops: stretches in which the same happens again, some bytes further on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

What = TypeVar("What", bound=Hashable)

MOST_TURNS = 8  # no repetition is looked for that takes longer to come back


@dataclass(frozen=True, slots=True)
class Action(Generic[What]):
    """Something that happens: ``what``, and where it begins in each of its arrays, in bytes."""

    what: What
    starts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Loop(Generic[What]):
    """Actions that happen ``count`` times.

    ``advances`` are the bytes by which each begins further on than the time before, in each of its
    arrays.
    """

    count: int
    actions: tuple[Action[What], ...]
    advances: tuple[tuple[int, ...], ...]


def loops(turns: Sequence[Sequence[Action[What]]], fixed: frozenset[str]) -> list[Loop[What]]:
    """Return turns as loops; what happens in arrays ``fixed`` must repeat at the same place."""
    found: list[Loop[What]] = []
    index = 0
    while index < len(turns):
        spans = [(n, _repeats(turns, index, n, fixed)) for n in range(1, MOST_TURNS + 1)]
        span, count = max(spans, key=lambda pair: ((pair[1] - 1) * pair[0], -pair[0]))
        if count == 1:
            span = 1
        actions = [a for turn in turns[index : index + span] for a in turn]
        after = [a for turn in turns[index + span : index + 2 * span] for a in turn]
        found.append(_loop(count, actions, after))
        index += span * count
    return _joined(found)


def _repeats(
    turns: Sequence[Sequence[Action[Any]]], index: int, span: int, fixed: frozenset[str]
) -> int:
    """Return how many times ``span`` turns happen one after the other, at even distances."""
    first = [a for turn in turns[index : index + span] for a in turn]
    count, before, distances = 1, first, None
    while True:
        begin = index + count * span
        now = [a for turn in turns[begin : begin + span] for a in turn]
        if begin + span > len(turns) or [a.what for a in now] != [a.what for a in first]:
            return count
        moved = [_distance(a, b) for a, b in zip(before, now, strict=True)]
        still = all(
            by == 0
            for action, distance in zip(now, moved, strict=True)
            for (name, _), by in zip(action.starts, distance, strict=True)
            if name in fixed
        )
        if not still or (distances is not None and moved != distances):
            return count
        count, before, distances = count + 1, now, moved


def _distance(a: Action[Any], b: Action[Any]) -> tuple[int, ...]:
    return tuple(y - x for (_, x), (_, y) in zip(a.starts, b.starts, strict=True))


def _loop(count: int, actions: Sequence[Action[What]], after: Sequence[Action[What]]) -> Loop[What]:
    if count == 1:
        return Loop(1, tuple(actions), tuple((0,) * len(a.starts) for a in actions))
    moved = tuple(_distance(a, b) for a, b in zip(actions, after, strict=True))
    return Loop(count, tuple(actions), moved)


def _joined(found: Sequence[Loop[What]]) -> list[Loop[What]]:
    """Return loops with neighbours that happen once put together."""
    result: list[Loop[What]] = []
    for loop in found:
        if result and result[-1].count == loop.count == 1:
            last = result.pop()
            loop = Loop(1, last.actions + loop.actions, last.advances + loop.advances)
        result.append(loop)
    return result
