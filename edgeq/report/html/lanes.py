"""The drawing of a network: a row for each operation, and lines beside the rows for its tensors.

The trunk runs straight down. A tensor that is read more than once goes to its first reader on the
lane of the operation that made it, and to the others on a lane of its own, as the skip connections
of residual networks are drawn. Coordinates are in CSS pixels, for rows of the height ``ROW``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ROW = 44
_GAP = 16  # between lanes, where there is room
_ROOM = 132  # for all lanes of a network that has many
_EDGE = 10  # from the border to the first lane


@dataclass(frozen=True, slots=True)
class Node:
    """A row: names of the tensors that it reads and writes."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor from the row that writes it to one that reads it, on a lane between them."""

    source: int
    target: int
    lane: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lane of each row, the paths of all edges as SVG has them, and the width in pixels."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    paths: tuple[str, ...]
    width: float
    height: float


@dataclass(slots=True)
class _Lanes:
    """What is on each lane: the last row that needs it, or -1 where it is free."""

    ends: list[int] = field(default_factory=list)

    def take(self, row: int, end: int, wish: int | None = None, but: int = -1) -> int:
        """Return a lane that is free in a row, and keep it up to another."""
        free = [i for i, last in enumerate(self.ends) if last <= row and i != but]
        lane = wish if wish is not None and wish in free else min(free, default=len(self.ends))
        if lane == but:
            lane += 1
        while lane >= len(self.ends):
            self.ends.append(-1)
        self.ends[lane] = end
        return lane


def draw(nodes: Sequence[Node]) -> Drawing:
    """Return the drawing of rows in an order in which each reads what earlier ones wrote."""
    lanes, edges = place(nodes)
    count = max((*lanes, *(edge.lane for edge in edges)), default=0) + 1
    gap = min(_GAP, _ROOM / count)
    xs = tuple(_EDGE + gap * lane for lane in lanes)
    ys = tuple(ROW * (row + 0.5) for row in range(len(nodes)))
    paths = tuple(
        _path((xs[e.source], ys[e.source]), (xs[e.target], ys[e.target]), _EDGE + gap * e.lane)
        for e in edges
    )
    return Drawing(xs, ys, paths, 2 * _EDGE + gap * (count - 1), ROW * len(nodes))


def place(nodes: Sequence[Node]) -> tuple[tuple[int, ...], tuple[Edge, ...]]:
    """Return the lane of each row, and the edges with theirs.

    >>> lanes, _ = place([Node((), ("x",)), Node(("x",), ("y",)), Node(("x", "y"), ())])
    >>> lanes
    (0, 0, 0)
    """
    readers = _readers(nodes)
    taken = _Lanes()
    ways: dict[tuple[str, int], tuple[int, int]] = {}  # tensor and reader: producer and lane
    lanes: list[int] = []
    edges: list[Edge] = []
    for row, node in enumerate(nodes):
        found = [ways[name, row] for name in dict.fromkeys(node.reads) if (name, row) in ways]
        edges += [Edge(source, row, lane) for source, lane in found]
        ending = [lane for _, lane in found if taken.ends[lane] <= row]
        lane = taken.take(row, row, min(ending, default=None))
        lanes.append(lane)
        _leave(node, row, lane, readers, taken, ways)
    return tuple(lanes), tuple(edges)


def _leave(
    node: Node,
    row: int,
    lane: int,
    readers: Mapping[str, Sequence[int]],
    taken: _Lanes,
    ways: dict[tuple[str, int], tuple[int, int]],
) -> None:
    """Send what a row writes on its ways: the first tensor straight on, the others beside it."""
    straight: int | None = lane
    for name in node.writes:
        after = [reader for reader in readers.get(name, ()) if reader > row]
        if not after:
            continue
        if straight is None:
            main = taken.take(row, after[0], but=lane)
        else:
            taken.ends[lane] = after[0]
            main, straight = lane, None
        ways[name, after[0]] = (row, main)
        if after[1:]:
            side = taken.take(row, after[-1], but=lane)
            ways.update({(name, reader): (row, side) for reader in after[1:]})


def _readers(nodes: Sequence[Node]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, node in enumerate(nodes):
        for name in dict.fromkeys(node.reads):
            found.setdefault(name, []).append(row)
    return found


def _path(start: tuple[float, float], end: tuple[float, float], x: float) -> str:
    """Return an SVG path down from one point to another, along ``x`` between them."""
    (x0, y0), (x1, y1) = start, end
    half, third = ROW / 2, ROW / 3
    text = f"M{x0:g} {y0:g}"
    if x != x0:
        text += f"C{x0:g} {y0 + third:g} {x:g} {y0 + half - third:g} {x:g} {y0 + half:g}"
    if x == x1:
        return f"{text}V{y1:g}"
    return text + (
        f"V{y1 - half:g}C{x:g} {y1 - half + third:g} {x1:g} {y1 - third:g} {x1:g} {y1:g}"
    )
