"""The memory planner: nothing overlaps, and the arena is the least where that can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError, VerifyError
from edgeq.plan.memory import Buffer, Placement, place, verify_placement


def _buffers(most: int, sizes: int = 40, steps: int = 12) -> st.SearchStrategy[list[Buffer]]:
    shape = st.tuples(
        st.integers(0, sizes), st.integers(0, steps), st.integers(0, steps), st.integers(0, 3)
    )
    return st.lists(shape, max_size=most).map(
        lambda shapes: [
            Buffer(f"b{i}", size, first, first + (length if wide == 0 else length % 4))
            for i, (size, first, length, wide) in enumerate(shapes)
        ]
    )


@st.composite
def _tilings(draw: st.DrawFn) -> tuple[list[Buffer], int]:
    """Cut a rectangle into buffers: by construction an arena of its height holds them all."""
    height = draw(st.integers(8, 60))
    tiles = [(0, 11, 0, height)]
    for _ in range(draw(st.integers(0, 14))):
        first, last, low, high = tiles.pop(draw(st.integers(0, len(tiles) - 1)))
        if draw(st.booleans()) and last > first:
            cut = draw(st.integers(first, last - 1))
            tiles += [(first, cut, low, high), (cut + 1, last, low, high)]
        elif high - low > 1:
            cut = draw(st.integers(low + 1, high - 1))
            tiles += [(first, last, low, cut), (first, last, cut, high)]
        else:
            tiles.append((first, last, low, high))
    return [Buffer(f"t{i}", t[3] - t[2], t[0], t[1]) for i, t in enumerate(tiles)], height


def _meet(a: Buffer, b: Buffer) -> bool:
    return a.first <= b.last and b.first <= a.last


def _live(buffers: Sequence[Buffer]) -> int:
    return max(
        (sum(b.size for b in buffers if b.first <= step <= b.last) for step in range(40)),
        default=0,
    )


def _least(buffers: Sequence[Buffer]) -> int:
    """Return the least arena: try every offset of every buffer, in ever larger arenas."""

    def fits(done: tuple[tuple[Buffer, int], ...], arena: int) -> bool:
        if len(done) == len(buffers):
            return True
        new = buffers[len(done)]
        walls = [(at, at + b.size) for b, at in done if _meet(b, new)]
        return any(
            all(at + new.size <= start or end <= at for start, end in walls)
            and fits((*done, (new, at)), arena)
            for at in range(arena - new.size + 1)
        )

    return next(arena for arena in count(_live(buffers)) if fits((), arena))


def _overlaps(buffers: Sequence[Buffer], placement: Placement) -> list[tuple[str, str]]:
    """Compare every pair, byte by byte: slow, and unlike verify_placement in every way."""
    taken = {
        b.name: set(range(placement.offsets[b.name], placement.offsets[b.name] + b.size))
        for b in buffers
    }
    return [
        (a.name, b.name)
        for i, a in enumerate(buffers)
        for b in buffers[:i]
        if _meet(a, b) and taken[a.name] & taken[b.name]
    ]


@given(_buffers(24), st.sampled_from([1, 2, 4, 8, 16, 24]))
def test_live_buffers_are_apart_aligned_and_inside(buffers: list[Buffer], alignment: int) -> None:
    placement = place(buffers, alignment=alignment)
    assert set(placement.offsets) == {b.name for b in buffers}
    assert _overlaps(buffers, placement) == []
    assert all(at >= 0 and at % alignment == 0 for at in placement.offsets.values())
    assert all(placement.offsets[b.name] + b.size <= placement.arena for b in buffers)
    verify_placement(buffers, placement, alignment=alignment)


@given(_buffers(24), st.sampled_from([1, 4, 16]))
def test_the_bound_is_the_most_live_bytes(buffers: list[Buffer], alignment: int) -> None:
    rounded = [
        Buffer(b.name, -(-b.size // alignment) * alignment, b.first, b.last) for b in buffers
    ]
    placement = place(buffers, alignment=alignment)
    assert placement.lower_bound == _live(rounded)
    assert placement.arena >= placement.lower_bound
    assert placement.arena % alignment == 0
    assert placement.optimal or placement.arena > placement.lower_bound


@given(_buffers(24))
def test_the_search_is_never_worse_than_greedy(buffers: list[Buffer]) -> None:
    greedy = place(buffers, alignment=1, budget=0)
    exact = place(buffers, alignment=1)
    assert greedy.method == "greedy"
    assert exact.arena <= greedy.arena
    assert (exact.method == "exact") == (exact.arena < greedy.arena)


@given(_buffers(6, sizes=9, steps=5))
def test_few_buffers_get_the_least_arena(buffers: list[Buffer]) -> None:
    placement = place(buffers, alignment=1)
    assert placement.optimal
    assert placement.arena == _least(buffers)


@given(_tilings())
def test_a_cut_rectangle_is_put_together_again(tiling: tuple[list[Buffer], int]) -> None:
    buffers, height = tiling
    placement = place(buffers, alignment=1)
    assert placement.arena == placement.lower_bound == height
    verify_placement(buffers, placement)


@given(_buffers(16).flatmap(lambda b: st.tuples(st.just(b), st.permutations(b))))
def test_the_order_of_buffers_does_not_matter(pair: tuple[list[Buffer], list[Buffer]]) -> None:
    buffers, shuffled = pair
    assert place(buffers, alignment=4) == place(shuffled, alignment=4)


def test_the_search_closes_a_gap_that_greedy_leaves() -> None:
    shapes = [(7, 3, 6), (22, 1, 2), (4, 7, 7), (22, 7, 7), (14, 3, 3), (23, 5, 7), (12, 6, 7)]
    shapes += [(30, 4, 5), (24, 4, 4), (2, 5, 6)]
    buffers = [Buffer(f"b{i}", *shape) for i, shape in enumerate(shapes)]
    placement = place(buffers, alignment=1)
    assert placement.method == "exact"
    assert placement.arena == 62 < place(buffers, alignment=1, budget=0).arena
    verify_placement(buffers, placement)


def test_an_arena_above_the_bound_can_be_proved_the_least() -> None:
    shapes = [(2, 0, 1), (1, 2, 3), (2, 3, 4), (1, 1, 2), (1, 1, 3), (2, 4, 4), (2, 0, 0)]
    buffers = [Buffer(f"b{i}", *shape) for i, shape in enumerate(shapes)]
    placement = place(buffers, alignment=1)
    assert placement.optimal
    assert placement.arena == _least(buffers) == 5 > placement.lower_bound


@pytest.mark.parametrize("budget", [0, 1, 7, 300])
def test_a_small_budget_still_gives_a_placement(budget: int) -> None:
    buffers = [
        Buffer(f"b{i}", 1 + i * 37 % 101, i * 7 % 40, i * 7 % 40 + i * 5 % 13) for i in range(80)
    ]
    placement = place(buffers, alignment=8, budget=budget)
    verify_placement(buffers, placement, alignment=8)
    assert place(buffers, alignment=8).arena <= placement.arena


def test_many_buffers_are_placed() -> None:
    buffers = [
        Buffer(f"b{i}", 1 + i * 7919 % 4093, i, i + 1 + (i % 9 == 0) * 40) for i in range(2000)
    ]
    verify_placement(buffers, place(buffers, alignment=16, budget=4000), alignment=16)


def test_no_buffers_need_no_arena() -> None:
    assert place([], alignment=16) == Placement({}, 0, 0, "greedy", True)


def test_empty_buffers_take_no_room() -> None:
    placement = place([Buffer("a", 0, 0, 3), Buffer("b", 8, 0, 3)], alignment=4)
    assert (dict(placement.offsets), placement.arena) == ({"a": 0, "b": 0}, 8)


def test_offsets_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        place([], alignment=1).offsets["a"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("buffers", "alignment", "message"),
    [
        ([Buffer("a", -1, 0, 0)], 1, "'a' has -1 bytes"),
        ([Buffer("a", 1, 2, 1)], 1, "'a' lives from step 2 to 1"),
        ([Buffer("a", 1, 0, 0), Buffer("a", 1, 1, 1)], 1, "two buffers are named 'a'"),
        ([Buffer("a", 1 << 62, 0, 0)], 1, "more than memory can hold"),
        ([], 0, "alignment is 0"),
    ],
)
def test_impossible_buffers_are_refused(
    buffers: list[Buffer], alignment: int, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        place(buffers, alignment=alignment)


@pytest.mark.parametrize(
    ("offsets", "arena", "message"),
    [
        ({"a": 0, "b": 7}, 16, "'a' .bytes 0 to 8, steps 0 to 1. and 'b' .* overlap"),
        ({"a": 4, "b": 4}, 16, "overlap"),
        ({"a": 0}, 16, "'b' has no place"),
        ({"a": 0, "b": 8}, 15, "'b' .* not inside the arena of 15 bytes"),
        ({"a": -4, "b": 8}, 16, "'a' .* not inside"),
        ({"a": 0, "b": 10}, 18, "'b' lies at 10, not a multiple of 4"),
    ],
)
def test_a_bad_placement_is_found(offsets: dict[str, int], arena: int, message: str) -> None:
    buffers = [Buffer("a", 8, 0, 1), Buffer("b", 8, 1, 2)]
    alignment = 4 if "multiple" in message else 1
    with pytest.raises(VerifyError, match=message):
        verify_placement(
            buffers, Placement(offsets, arena, 16, "greedy", True), alignment=alignment
        )


@given(_buffers(8, sizes=6, steps=5), st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_overlaps_are_found_exactly(buffers: list[Buffer], offsets: list[int]) -> None:
    chosen = {b.name: at for b, at in zip(buffers, offsets, strict=False)}
    placement = Placement(chosen, 100, 0, "greedy", False)
    if _overlaps(buffers, placement):
        with pytest.raises(VerifyError, match="overlap"):
            verify_placement(buffers, placement)
    else:
        verify_placement(buffers, placement)
