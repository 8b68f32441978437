"""Which layers run as stages: those that bring the most bytes alive at any time down.

Every stretch of layers across the fullest steps is a candidate, with several numbers of rows a
turn. Of all ways to cover the order with candidates and layers as usual, that with the least peak
is taken, as far as the instructions that it costs are worth it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgeq.ir.graph import Graph, Operands
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.bands import Reach, band, row_bytes
from edgeq.plan.layers import Layer
from edgeq.plan.memory import Buffer
from edgeq.plan.stage import Compute, Roll, Segment, Simulation, Store, reaches_of, segment
from edgeq.plan.storage import Storage, buffers, share

MOST_LAYERS = 16  # of a stage
ROWS = (1, 2, 4)  # of the last output of a stage, a turn
WORTH = 1  # one part in a hundred of the instructions is worth so many of the peak
# Instructions for each multiply of networks, and pixels that convolutions compute together.
PACE = {"mve": (0.35, 2), "dsp": (1.0, 3)}
_PORTABLE = (4.0, 4)
_BOUNDS = 64  # peaks to try
_NEVER = 1 << 62
_CALL = 150  # instructions round a call that a whole layer does not need
_AGAIN = 5  # instructions to prepare a value that the call before had prepared as well
_LARGE = 1 << 15  # weights
_LOOKED_AT = 10  # turns: by then all are alike


@dataclass(frozen=True, slots=True)
class Candidate:
    """Steps ``first`` to ``last`` in some way: the bytes alive meanwhile, and its price.

    ``stage`` is ``None`` for one layer as usual. ``cost`` is in instructions beyond those.
    """

    first: int
    last: int
    peak: int
    cost: int = 0
    stage: Segment | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What candidates are judged by: the order's memory without any stage."""

    graph: Graph
    layers: Sequence[Layer]
    storage: Storage
    buffers: Sequence[Buffer]
    barred: frozenset[int]
    pace: float
    tile: int
    reaches: Mapping[int, Reach]
    scratches: dict[tuple[int, int], int] = field(default_factory=dict)
    prices: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        graph: Graph,
        layers: Sequence[Layer],
        barred: frozenset[int],
        pace: float,
        tile: int,
    ) -> Outlook:
        """Return the outlook of an order; ``barred`` steps cannot be part of a stage."""
        storage = share(graph, [layer.kernel for layer in layers])
        reaches = reaches_of(graph)
        stiff = storage.skipped | (set(range(len(layers))) - reaches.keys())
        return cls(graph, layers, storage, buffers(storage), barred | stiff, pace, tile, reaches)

    def alone(self, step: int) -> Candidate:
        """Return a layer as usual."""
        scratch = 0 if step in self.storage.skipped else self.layers[step].scratch
        return Candidate(step, step, self._alive(step, step, set()) + scratch)

    def across(self, step: int) -> Iterator[Candidate]:
        """Yield the stages that include a step."""
        if step in self.barred:
            return
        low = high = step
        while low > 0 and low - 1 not in self.barred and step - low + 1 < MOST_LAYERS:
            low -= 1
        while high + 1 < len(self.layers) and high + 1 not in self.barred:
            high += 1
        for first in range(low, step + 1):
            for last in range(step, min(high + 1, first + MOST_LAYERS)):
                for into in ("", *self._under(first, last)):
                    # A layer alone is a stage only when its output goes over its input.
                    if first < last or into:
                        for rows in ROWS:
                            yield self._judge(segment(self.graph, first, last, rows, into))

    def _judge(self, stage: Segment) -> Candidate:
        simulation = Simulation(self.graph, stage, reaches=self.reaches)
        turns = list(simulation.turns(_LOOKED_AT))
        tensors = self.graph.tensors
        lines = sum(rows * row_bytes(tensors[n]) for n, rows in simulation.most.items())
        gone = set(stage.inner) | ({simulation.last} if stage.into else set())
        scratch = max(
            self._scratch(step, simulation.chunk[self.graph.ops[step].outputs[0]])
            for step in stage.steps
        )
        alive = self._alive(stage.first, stage.last, gone)
        spent = sum(self._price(event) for turn in turns for event in turn)
        count = -(-simulation.height(simulation.last) // stage.rows)
        cost = spent * count // len(turns)
        return Candidate(stage.first, stage.last, alive + lines + scratch, cost, stage)

    def _scratch(self, step: int, rows: int) -> int:
        """Return about the working memory of a band of so many rows."""
        kernel, op = self.layers[step].kernel, self.graph.ops[step]
        io = self.graph.operands(op)
        # Facts hold the packed weights: of large layers they take too long to ask so often.
        if sum(t.elements for t in io.ins if t.is_constant) > _LARGE:
            return self.layers[step].scratch
        if (step, rows) not in self.scratches:
            top = (io.y.shape[1] - rows) // 2
            found = kernel.facts(*band(op, io, (top, top + rows))).scratch
            self.scratches[step, rows] = 0 if found is None else found.bytes
        return self.scratches[step, rows]

    def _price(self, event: Compute | Roll | Store) -> int:
        if isinstance(event, Compute):
            what = event.index, event.rows[1] - event.rows[0]
            if what not in self.prices:
                op = self.graph.ops[event.index]
                self.prices[what] = _CALL + self._waste(op, self.graph.operands(op), what[1])
            return self.prices[what]
        rows = event.kept if isinstance(event, Roll) else event.count
        return _CALL // 4 + rows * row_bytes(self.graph.tensors[event.name]) // 2

    def _waste(self, op: Op, io: Operands, rows: int) -> int:
        """Return about how many instructions a band takes beyond its share of the whole."""
        _, height, width, _ = io.y.shape
        macs = self.pace * op.macs(io) / height
        if isinstance(op, DepthwiseConv2D):
            halo = max(op.kernel(io)[0] - op.stride[0], 0) * io.x.elements // io.x.shape[1]
            # Kernels compute two rows together where these share most of what they read.
            alone = rows % 2 if op.stride[0] == 1 else 0
            return halo * _AGAIN + int(alone * 2 * macs)
        left = -rows * width % self.tile if isinstance(op, Conv2D) else 0
        return int(left * macs / width)

    def _alive(self, first: int, last: int, gone: set[str]) -> int:
        """Return the bytes of the buffers alive in some of the steps, without tensors ``gone``."""
        return sum(
            b.size
            for b in self.buffers
            if b.first <= last and b.last >= first and not set(self.storage.group(b.name)) <= gone
        )

    def _under(self, first: int, last: int) -> Iterator[str]:
        """Yield the tensors whose memory the last output of a stage can take."""
        graph, y = self.graph, self.graph.ops[last].outputs[0]
        if any(y in op.inputs for op in graph.ops[first : last + 1]):
            return
        names = dict.fromkeys(n for op in graph.ops[first : last + 1] for n in op.inputs)
        made = {n for op in graph.ops[first : last + 1] for n in op.outputs}
        for name in names:
            free = name not in made and not graph.tensors[name].is_constant
            if free and self._dies(name, last) and self.storage.joinable(y, name):
                yield name

    def _dies(self, name: str, last: int) -> bool:
        """Tell whether a tensor of its own memory, as large as the last output, ends there."""
        graph, storage = self.graph, self.storage
        y = graph.ops[last].outputs[0]
        kept = {*graph.sources, *graph.results}.union(*(op.inputs for op in graph.ops[last + 1 :]))
        alone = storage.group(name) == [name] and storage.locate(y) == (y, 0)
        alike = graph.tensors[name].bytes == graph.tensors[y].bytes
        return alone and alike and name not in kept


def choose(
    graph: Graph,
    layers: Sequence[Layer],
    isas: Sequence[str],
    barred: frozenset[int] = frozenset(),
    thrifty: bool = True,
) -> tuple[Segment, ...]:
    """Return the stages of an order; none where they would not save a byte.

    They may cost whatever they do unless ``thrifty``.
    """
    outlook = Outlook.of(graph, layers, barred, *PACE.get(isas[0], _PORTABLE))
    alone = [outlook.alone(step) for step in range(len(layers))]
    if not alone:
        return ()
    found, bound = _candidates(outlook, alone)
    macs = sum(op.macs(io) for op, io in graph.walk())
    spent = max(1.0, macs * outlook.pace)
    usual = max(c.peak for c in alone)
    best, least = list(alone), 1.0
    for peak in range(bound, usual, max(1, (usual - bound) // _BOUNDS)):
        cover = _cover(found, len(layers), peak)
        if not cover:
            continue
        price = sum(c.cost for c in cover) / spent if thrifty else 0
        total = max(c.peak for c in cover) / usual + WORTH * price
        if total < least:
            best, least = cover, total
    return tuple(c.stage for c in best if c.stage is not None)


def _candidates(outlook: Outlook, alone: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """Return what covers can be made of, and a peak that none of them can be below."""
    found, seen, bound = list(alone), set[int](), 0
    while True:
        # Whatever is not below what is needed anyway must be covered by some stage.
        high = [c.first for c in alone if c.peak > bound and c.first not in seen]
        if not high:
            return found, bound
        step = max(high, key=lambda i: alone[i].peak)
        seen.add(step)
        across = list(outlook.across(step))
        found += across
        bound = max(bound, min(c.peak for c in (alone[step], *across)))


def _cover(found: Sequence[Candidate], count: int, bound: int) -> list[Candidate]:
    """Return the cheapest candidates for all steps that do not go above a peak, if there are."""
    ending: list[list[Candidate]] = [[] for _ in range(count)]
    for candidate in found:
        if candidate.peak <= bound:
            ending[candidate.last].append(candidate)
    best: list[tuple[int, Candidate | None]] = [(0, None)]
    for step in range(count):
        ways = [(best[c.first][0] + c.cost, c) for c in ending[step] if best[c.first][0] < _NEVER]
        best.append(min(ways, key=lambda way: way[0]) if ways else (_NEVER, None))
    chosen: list[Candidate] = []
    way = best[count][1]
    while way is not None:
        chosen.append(way)
        way = best[way.first][1]
    return chosen[::-1]
