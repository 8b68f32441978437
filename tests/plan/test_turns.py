"""Loops are the turns that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.plan.turns import Action, Loop, loops

FIXED = frozenset({"lines"})


def unrolled(found: list[Loop[str]]) -> list[Action[str]]:
    """Return everything that loops do, one after the other."""
    return [
        Action(
            action.what,
            tuple((n, at + i * by) for (n, at), by in zip(action.starts, moved, strict=True)),
        )
        for loop in found
        for i in range(loop.count)
        for action, moved in zip(loop.actions, loop.advances, strict=True)
    ]


@st.composite
def actions(draw: st.DrawFn) -> Action[str]:
    what, at = draw(st.sampled_from("ab")), st.integers(0, 3)
    names = ("whole",) if what == "a" else ("lines", "whole")
    return Action(what, tuple((name, draw(at)) for name in names))


@given(st.lists(st.lists(actions(), min_size=1, max_size=2), max_size=12))
def test_loops_do_what_the_turns_do(turns: list[list[Action[str]]]) -> None:
    found = loops(turns, FIXED)
    assert unrolled(found) == [action for turn in turns for action in turn]
    for loop in found:
        for action, moved in zip(loop.actions, loop.advances, strict=True):
            assert all(
                not by for (n, _), by in zip(action.starts, moved, strict=True) if n in FIXED
            )


def test_even_steps_become_one_loop() -> None:
    turns = [[Action("f", (("x", 8 * i), ("lines", 0)))] for i in range(5)]
    assert loops(turns, FIXED) == [Loop(5, tuple(turns[0]), ((8, 0),))]


def test_what_comes_back_every_other_turn_becomes_one_loop() -> None:
    turns = [[Action("fg"[i % 2], (("x", 3 * i),))] for i in range(6)]
    assert loops(turns, FIXED) == [Loop(3, (turns[0][0], turns[1][0]), ((6,), (6,)))]


def test_uneven_steps_and_places_in_lines_that_change_stay_apart() -> None:
    uneven = [[Action("f", (("x", at),))] for at in (0, 1, 3)]
    assert [loop.count for loop in loops(uneven, FIXED)] == [2, 1]
    lined = [[Action("f", (("lines", at),))] for at in (0, 1, 2)]
    assert [loop.count for loop in loops(lined, FIXED)] == [1]
