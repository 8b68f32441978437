"""Stages with their kernels: what each call of a band computes, and in which loops it stands."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.plan.bands import band, row_bytes
from edgeq.plan.layers import Layer, Part
from edgeq.plan.select import select
from edgeq.plan.stage import Compute, Roll, Segment, Store, lines, schedule
from edgeq.plan.streaming import choose
from edgeq.plan.turns import Action, Loop, loops
from edgeq.targets.base import Target

# A step, rows read and written, and the padding: bands that agree in these are one function.
Band = tuple[int, int, int, object]


@dataclass(frozen=True, slots=True)
class Move:
    """Lines of a tensor go to their front, from ``dropped`` bytes on, or to its own memory (0)."""

    name: str
    bytes: int
    dropped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stage: ``room`` are the bytes of lines that tensors have, ``bands`` what is computed.

    What an action of ``loops`` does is a ``Move``, or named in ``bands``.
    """

    segment: Segment
    room: Mapping[str, int]
    bands: Mapping[Band, Part]
    loops: tuple[Loop[Band | Move], ...]

    @property
    def scratch(self) -> int:
        """Return the bytes of working memory, which the bands have in turn."""
        return max((part.scratch for part in self.bands.values()), default=0)

    @property
    def has_scratch(self) -> bool:
        """Tell whether some band is passed working memory."""
        return any(part.facts.scratch is not None for part in self.bands.values())

    def part(self, band: Band, action: Action[Band | Move], advances: Sequence[int]) -> Part:
        """Return the part that computes a band, where an action does."""
        starts = dict(action.starts)
        return replace(
            self.bands[band],
            starts=starts,
            advances=dict(zip(starts, advances, strict=True)),
        )


def line_name(name: str) -> str:
    """Return the name of the buffer that holds the lines of a tensor."""
    return f"lines of '{name}'"


def stages(
    graph: Graph, layers: Sequence[Layer], target: Target, thrifty: bool
) -> tuple[Stage, ...]:
    """Return the stages of an order that keep the least bytes alive, see ``choose``.

    A layer of whose bands some would have another kernel than the whole, or other constant arrays,
    is part of none.
    """
    barred: frozenset[int] = frozenset()
    while True:
        segments = choose(graph, layers, target.isas, barred, thrifty)
        chosen = tuple(build(graph, segment, target) for segment in segments)
        unfit = {step for stage in chosen for step in _unfit(stage, layers)}
        if not unfit:
            return chosen
        barred |= unfit


def build(graph: Graph, segment: Segment, target: Target) -> Stage:
    """Return a stage with the kernels of its bands."""
    walked = list(graph.walk())
    rows = lines(graph, segment)
    bands: dict[Band, Part] = {}
    turns = []
    for turn in schedule(graph, segment, rows):
        actions: list[Action[Band | Move]] = []
        for event in turn:
            if isinstance(event, Compute):
                op, io = band(*walked[event.index], event.rows)
                what = event.index, io.x.shape[1], io.y.shape[1], getattr(op, "padding", None)
                known = what in bands
                kernel = None if known else select(op, io, target.isas, target.small)
                if kernel is not None:
                    lined = {name: line_name(name) for name in rows}
                    bands[what] = Part(op, io, kernel, kernel.facts(op, io), {}, lines=lined)
                actions.append(Action(what, _starts(graph, rows, event.at)))
            else:
                actions.append(_move(graph, event))
        turns.append(actions)
    room = {name: count * row_bytes(graph.tensors[name]) for name, count in rows.items()}
    fixed = frozenset(line_name(name) for name in rows)
    return Stage(segment, room, bands, tuple(loops(turns, fixed)))


def _starts(
    graph: Graph, lined: Container[str], at: Iterable[tuple[str, int]]
) -> tuple[tuple[str, int], ...]:
    return tuple(
        (line_name(name) if name in lined else name, row * row_bytes(graph.tensors[name]))
        for name, row in at
    )


def _move(graph: Graph, event: Roll | Store) -> Action[Band | Move]:
    size, own = row_bytes(graph.tensors[event.name]), line_name(event.name)
    if isinstance(event, Roll):
        return Action(Move(event.name, event.kept * size, event.dropped * size), ((own, 0),))
    starts = (own, event.line * size), (event.name, event.row * size)
    return Action(Move(event.name, event.count * size), starts)


def _unfit(stage: Stage, layers: Sequence[Layer]) -> Iterator[int]:
    """Yield the steps whose bands do not fit together, or not to what the whole layer has."""
    for step in stage.segment.steps:
        found = [part for what, part in stage.bands.items() if what[0] == step]
        whole = layers[step].kernel
        if any(part.kernel.id != whole.id or not _alike(part, found[0]) for part in found):
            yield step


def _alike(a: Part, b: Part) -> bool:
    """Tell whether two bands read the same constant arrays."""
    return len(a.facts.data) == len(b.facts.data) and all(
        x.name == y.name and x.array.dtype == y.array.dtype and np.array_equal(x.array, y.array)
        for x, y in zip(a.facts.data, b.facts.data, strict=True)
    )
