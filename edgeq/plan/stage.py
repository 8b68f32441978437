"""A stage: consecutive layers that run band by band, through lines of the tensors between them.

Only the rows that are still to be read are kept, and no row is computed twice: a layer runs when
another asks for rows that are not there yet. When the lines of a tensor are full, those that
nothing needs any more make room: the others move to the front.

The last output can take the memory of a tensor that the stage reads: its rows wait in lines until
nothing needs the ones below them any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edgeq.ir.graph import Graph
from edgeq.plan.bands import Reach, Rows, in_bands, row_bytes


@dataclass(frozen=True, slots=True)
class Compute:
    """Rows of the output of step ``index``.

    ``at`` are the first rows of it and of each input, counted from where their memory begins.
    """

    index: int
    rows: Rows
    at: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Roll:
    """The lines of a tensor move up: ``kept`` rows from the ``dropped``-th on to the front."""

    name: str
    dropped: int
    kept: int


@dataclass(frozen=True, slots=True)
class Store:
    """Rows go from line ``line`` of a tensor to row ``row`` of its own memory."""

    name: str
    line: int
    row: int
    count: int


Event = Compute | Roll | Store
Turn = tuple[Event, ...]  # what happens until some more rows of the last output are there


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps ``first`` to ``last`` of an order as one stage, ``rows`` of its last output a turn.

    ``inner`` are the tensors that nothing else reads: they have lines and no memory of their own.
    ``into`` is the tensor, if any, whose memory the last output takes.
    """

    first: int
    last: int
    rows: int
    inner: frozenset[str]
    into: str = ""

    @property
    def steps(self) -> range:
        """Return the steps of the stage."""
        return range(self.first, self.last + 1)


@dataclass(slots=True)
class Simulation:
    """The state of a stage while its schedule is made.

    That is, for each tensor that it writes: how many rows are ``done``, the ``first`` that its
    lines hold, and the ``most`` that they have to hold. ``room`` are the lines that there are;
    without it there is always room. ``reaches`` are those of the graph's operations, where they are
    known.
    """

    graph: Graph
    stage: Segment
    room: Mapping[str, int] | None = None
    reaches: Mapping[int, Reach] = field(default_factory=dict)
    layers: dict[str, tuple[int, Reach]] = field(default_factory=dict)
    readers: dict[str, list[str]] = field(default_factory=dict)
    chunk: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    stored: int = 0

    def __post_init__(self) -> None:
        reaches = self.reaches or reaches_of(self.graph)
        for index in self.stage.steps:
            op = self.graph.ops[index]
            self.layers[op.outputs[0]] = index, reaches[index]
            for name in dict.fromkeys(op.inputs):
                self.readers.setdefault(name, []).append(op.outputs[0])
        for name in reversed(self.layers):
            self.chunk[name] = self._turn_of(name)
            self.done[name] = self.first[name] = 0
            if name in self.stage.inner or (self.stage.into and name == self.last):
                self.most[name] = 0

    @property
    def last(self) -> str:
        """Return the tensor whose rows make the turns."""
        return self.graph.ops[self.stage.last].outputs[0]

    def height(self, name: str) -> int:
        """Return the rows of a tensor."""
        return self.graph.tensors[name].shape[1]

    def turns(self, most: int | None = None) -> Iterator[Turn]:
        """Yield what happens, turn by turn; only the beginning with ``most``."""
        height, rows = self.height(self.last), self.stage.rows
        for begin in range(0, height, rows)[:most]:
            events = list(self._ask(self.last, min(height, begin + rows)))
            if begin + rows >= height:
                for name in self.layers:
                    events += self._ask(name, 0 if name in self.stage.inner else self.height(name))
            yield tuple(events)

    def _turn_of(self, name: str) -> int:
        """Return how many rows of a tensor one call computes: what a turn needs of it."""
        own, last = self.height(name), self.height(self.last)
        uses = [self.chunk[r] * self.layers[r][1].step for r in self.readers.get(name, ())]
        return min(own, max(uses, default=-(-self.stage.rows * own // last)))

    def _ask(self, name: str, end: int) -> Iterator[Event]:
        """Yield what makes the rows of a tensor up to ``end``, as far as they are not there."""
        index, reach = self.layers[name]
        while self.done[name] < end:
            rows = self.done[name], min(end, self.done[name] + self.chunk[name])
            first, last = reach.seen(rows)
            for source in reach.sources:
                if source in self.layers and self.done[source] < last:
                    yield from self._ask(source, last)
            if name in self.most:
                yield from self._make_room(name, rows[1])
            at = [(source, first - self.first.get(source, 0)) for source in reach.sources]
            at.append((name, rows[0] - self.first.get(name, 0)))
            self.done[name] = rows[1]
            yield Compute(index, rows, tuple(at))
            if self.stage.into and name == self.last:
                yield from self._store(name)

    def _make_room(self, name: str, end: int) -> Iterator[Roll]:
        dead = self._least_needed(name)
        if self.room is None:
            self.most[name] = max(self.most[name], end - dead)
        elif end - self.first[name] > self.room[name]:
            if dead < self.done[name]:
                yield Roll(name, dead - self.first[name], self.done[name] - dead)
            self.first[name] = dead

    def _least_needed(self, name: str) -> int:
        """Return the first row of a tensor that something is still to read."""
        needed = [self.done.get(name, self.height(name))]
        needed += [self.stored] if self.stage.into and name == self.last else []
        for reader in self.readers.get(name, ()):
            row = self.done[reader]
            if row < self.height(reader):
                needed.append(self.layers[reader][1].seen((row, row + 1))[0])
        return max(min(needed), self.first.get(name, 0))

    def _store(self, name: str) -> Iterator[Store]:
        """Yield what moves rows of the last output to where nothing is needed any more."""
        under = self.graph.tensors[self.stage.into]
        dead = self._least_needed(under.name)
        whole = dead == under.shape[1]
        free = dead * row_bytes(under) // row_bytes(self.graph.tensors[name])
        end = self.done[name] if whole else min(self.done[name], free)
        if end > self.stored:
            yield Store(name, self.stored - self.first[name], self.stored, end - self.stored)
            self.stored = end


def reaches_of(graph: Graph) -> dict[int, Reach]:
    """Return the reach of each operation that can be computed in bands, by its step."""
    return {i: Reach.of(op, io) for i, (op, io) in enumerate(graph.walk()) if in_bands(op, io)}


def segment(graph: Graph, first: int, last: int, rows: int, into: str = "") -> Segment:
    """Return a stage of a graph whose operations stand in the order in which they run."""
    written = {name for op in graph.ops[first : last + 1] for name in op.outputs}
    outside = set(graph.results)
    for op in graph.ops[last + 1 :]:
        outside.update(op.inputs)
    return Segment(first, last, rows, frozenset(written - outside), into)


def lines(graph: Graph, stage: Segment) -> dict[str, int]:
    """Return how many rows there must be room for, of each tensor that has lines."""
    simulation = Simulation(graph, stage)
    for _ in simulation.turns():
        pass
    return simulation.most


def schedule(graph: Graph, stage: Segment, room: Mapping[str, int]) -> list[Turn]:
    """Return everything that happens in a stage with ``room`` for so many lines, turn by turn."""
    return list(Simulation(graph, stage, room).turns())
