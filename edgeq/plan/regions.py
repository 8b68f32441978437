"""Buffers in several memories: the ones that are accessed most go to the preferred memory.

Buffers are ranked by accesses per byte, and each goes to the first memory in which it fits beside
those that are there, at every step of its life. Where that leaves a buffer without a place, it goes
before all others in the next attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeq.errors import BudgetError, VerifyError
from edgeq.plan.memory import SEARCH_BUDGET, Buffer, Placement, place, verify_placement

# A greedy placement that does not fit is searched for this long before the buffer goes elsewhere.
_QUICK = SEARCH_BUDGET // 10
_MOST_ATTEMPTS = 32
_BLAMED = 3
# Longer names are shortened in errors.
_NAME = 48


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory that may hold buffers: its name in C, and its bytes."""

    name: str
    bytes: int


def place_in(
    buffers: Sequence[Buffer],
    memories: Sequence[Memory],
    accesses: Mapping[str, int],
    steps: Sequence[str],
    *,
    alignment: int,
) -> Placement:
    """Return a placement in ``memories``, the preferred one first; in one arena without any.

    ``accesses`` counts those of each buffer (of one that is not named, one for each byte), and
    ``steps`` says what runs in each step, for errors. Raise ``BudgetError`` that names what does
    not fit, where it is needed, and the bytes that are short.

    >>> small, large = Buffer("small", 8, 0, 1), Buffer("large", 64, 0, 1)
    >>> memories = Memory("fast", 32), Memory("slow", 128)
    >>> found = place_in([large, small], memories, {"small": 99}, [], alignment=8)
    >>> dict(found.regions), found.sizes
    ({'small': 0, 'large': 1}, (8, 64))
    """
    whole = place(buffers, alignment=alignment)
    if not memories:
        return whole
    _check_each(buffers, memories, steps)
    if whole.lower_bound > sum(memory.bytes for memory in memories):
        raise _too_much(buffers, memories, steps, alignment)
    # One memory that has room for all needs no choice.
    groups = [list(buffers), *([] for _ in memories[1:])]
    if whole.arena > memories[0].bytes:
        groups = _share_out(buffers, memories, accesses, steps, alignment)
    placed = [_fit(*pair, alignment) for pair in zip(groups, memories, strict=True)]
    return Placement(
        offsets={name: at for each in placed for name, at in each.offsets.items()},
        arena=sum(each.arena for each in placed),
        lower_bound=whole.lower_bound,
        method=whole.method,
        optimal=False,
        regions={b.name: index for index, group in enumerate(groups) for b in group},
        sizes=tuple(each.arena for each in placed),
    )


def verify_regions(
    buffers: Sequence[Buffer],
    placement: Placement,
    memories: Sequence[Memory],
    *,
    alignment: int = 1,
) -> None:
    """Raise VerifyError unless all buffers lie apart and aligned, each inside its memory."""
    if not memories:
        verify_placement(buffers, placement, alignment=alignment)
        return
    if len(placement.sizes) != len(memories) or sum(placement.sizes) != placement.arena:
        raise VerifyError(f"{placement.sizes} are not the sizes of {len(memories)} regions")
    for index, (size, memory) in enumerate(zip(placement.sizes, memories, strict=True)):
        if size > memory.bytes:
            raise VerifyError(f"'{memory.name}' has {memory.bytes} bytes, and {size} are used")
        inside = [b for b in buffers if placement.regions.get(b.name) == index]
        verify_placement(inside, replace(placement, arena=size), alignment=alignment)
    for buffer in buffers:
        if placement.regions.get(buffer.name, -1) not in range(len(memories)):
            raise VerifyError(f"buffer '{buffer.name}' is in no memory")


def _share_out(
    buffers: Sequence[Buffer],
    memories: Sequence[Memory],
    accesses: Mapping[str, int],
    steps: Sequence[str],
    alignment: int,
) -> list[list[Buffer]]:
    """Return the buffers of each memory."""

    def rank(buffer: Buffer) -> tuple[float, int, str]:
        heat = accesses.get(buffer.name, buffer.size) / max(buffer.size, 1)
        return -heat, buffer.size, buffer.name

    order = sorted(buffers, key=rank)
    tried: set[str] = set()
    while True:
        groups, left = _attempt(order, memories, alignment)
        if left is None:
            return groups
        if left.name in tried or len(tried) == _MOST_ATTEMPTS:
            raise _no_place(left, groups, memories, steps, alignment)
        tried.add(left.name)
        order.sort(key=lambda buffer: buffer is not left)


def _attempt(
    order: Sequence[Buffer], memories: Sequence[Memory], alignment: int
) -> tuple[list[list[Buffer]], Buffer | None]:
    """Return the buffers of each memory, and the first one that fits in none."""
    groups: list[list[Buffer]] = [[] for _ in memories]
    for buffer in order:
        for group, memory in zip(groups, memories, strict=True):
            if _fits([*group, buffer], memory, alignment):
                group.append(buffer)
                break
        else:
            return groups, buffer
    return groups, None


def _fits(group: Sequence[Buffer], memory: Memory, alignment: int) -> bool:
    greedy = place(group, alignment=alignment, budget=0)
    if greedy.arena <= memory.bytes or greedy.lower_bound > memory.bytes:
        return greedy.arena <= memory.bytes
    return place(group, alignment=alignment, budget=_QUICK).arena <= memory.bytes


def _fit(group: Sequence[Buffer], memory: Memory, alignment: int) -> Placement:
    """Return the smallest placement found in a memory in which the group is known to fit."""
    found = place(group, alignment=alignment)
    # A longer search need not pass by what the shorter one found.
    short = found.arena > memory.bytes
    return place(group, alignment=alignment, budget=_QUICK) if short else found


def _check_each(
    buffers: Sequence[Buffer], memories: Sequence[Memory], steps: Sequence[str]
) -> None:
    """Raise ``BudgetError`` for the largest buffer that no memory can hold by itself."""
    most = max(memories, key=lambda memory: memory.bytes)
    largest = max(buffers, key=lambda buffer: buffer.size, default=None)
    if largest is not None and largest.size > most.bytes:
        raise BudgetError(
            f"{_name(largest)}, {_when(largest, steps)}, has {largest.size:,} bytes, and the "
            f"largest memory, '{most.name}', {most.bytes:,}: {largest.size - most.bytes:,} short"
        )


def _too_much(
    buffers: Sequence[Buffer], memories: Sequence[Memory], steps: Sequence[str], alignment: int
) -> BudgetError:
    """Return the error for a step in which more bytes are alive than all memories have."""

    def alive(step: int) -> list[Buffer]:
        return [buffer for buffer in buffers if buffer.first <= step <= buffer.last]

    def need(step: int) -> int:
        return sum(-(-b.size // alignment) * alignment for b in alive(step))

    step = max({buffer.first for buffer in buffers}, key=lambda s: (need(s), -s))
    total = sum(memory.bytes for memory in memories)
    blamed = sorted(alive(step), key=lambda b: (-b.size, b.name))[:_BLAMED]
    names = ", ".join(f"{_name(b)} {b.size:,}" for b in blamed)
    return BudgetError(
        f"{_step(step, steps)} needs {need(step):,} bytes at once, {need(step) - total:,} more "
        f"than {_names(memories)} have: most in {names}"
    )


def _no_place(
    left: Buffer,
    groups: Sequence[Sequence[Buffer]],
    memories: Sequence[Memory],
    steps: Sequence[str],
    alignment: int,
) -> BudgetError:
    """Return the error for a buffer that found no place beside the others."""
    short = ", ".join(
        f"{place([*group, left], alignment=alignment, budget=0).arena - memory.bytes:,} bytes "
        f"in '{memory.name}'"
        for group, memory in zip(groups, memories, strict=True)
    )
    return BudgetError(
        f"no place was found for {_name(left)} of {left.size:,} bytes, {_when(left, steps)}, "
        f"beside what is alive at the same time: short of {short}"
    )


def _name(buffer: Buffer) -> str:
    """Return a name in quotes, without its middle: converters join those of all that they fused."""
    name = buffer.name
    return f"'{name}'" if len(name) <= _NAME else f"'{name[: _NAME - 15]}...{name[-12:]}'"


def _when(buffer: Buffer, steps: Sequence[str]) -> str:
    return f"needed from {_step(buffer.first, steps)}"


def _step(step: int, steps: Sequence[str]) -> str:
    return steps[step] if step < len(steps) else f"step {step}"


def _names(memories: Sequence[Memory]) -> str:
    return " and ".join(f"'{memory.name}' ({memory.bytes:,})" for memory in memories)
