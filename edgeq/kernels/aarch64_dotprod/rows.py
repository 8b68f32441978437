"""How a window of three columns moves along the rows: what is loaded when, under which name."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A vector ``name``, loaded ``offset`` columns from the pointers, or the border's."""

    name: str
    offset: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One output column: the columns that it loads, its three vectors, and where it is stored."""

    loads: tuple[Column, ...]
    vectors: tuple[str, ...]
    out: int


@dataclass(frozen=True, slots=True)
class Walk:
    """One output row: columns before the first step, steps in a loop, steps after it.

    Names return to their places after the steps of one turn, so that nothing is copied.
    """

    carried: tuple[Column, ...]
    turns: int
    turn: tuple[Step, ...]
    rest: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of vectors that live longer than a step, in order."""
        used = {name for step in (*self.turn, *self.rest) for name in step.vectors}
        return tuple(sorted(used))

    @property
    def has_borders(self) -> bool:
        """Tell whether some column lies outside the image."""
        loads = (column for step in (*self.turn, *self.rest) for column in step.loads)
        return any(column.offset is None for column in (*self.carried, *loads))


def walk(in_w: int, out_w: int, stride: int, pad_left: int) -> Walk:
    """Return the walk along a row of ``in_w`` columns; left of it stand ``pad_left`` borders."""
    period = 3 if stride == 1 else 2

    def column(name: str, at: int, base: int = 0) -> Column:
        return Column(name, at - base if 0 <= at < in_w else None)

    def step(number: int, base: int) -> Step:
        first = number * stride - pad_left
        if stride == 1:
            names = tuple(f"v{(number + i) % 3}" for i in range(WINDOW))
        else:
            names = (f"v{number % 2 * 2}", "v1", f"v{(number + 1) % 2 * 2}")
        fresh = range(WINDOW - stride, WINDOW)
        loads = tuple(column(names[i], first + i, base * stride) for i in fresh)
        return Step(loads, names, number - base)

    inside = min(out_w, (in_w + pad_left - WINDOW) // stride + 1)
    turns = max(inside, 0) // period
    if turns < 2:
        turns = 0
    before = range(WINDOW - stride)
    return Walk(
        carried=tuple(column(f"v{i}", i - pad_left) for i in before),
        turns=turns,
        turn=tuple(step(i, 0) for i in range(period)) if turns else (),
        rest=tuple(step(i, 0) for i in range(turns * period, out_w)),
    )
