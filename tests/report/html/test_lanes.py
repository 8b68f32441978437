"""The drawing of a network: where its rows and lines run."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.report.html.lanes import ROW, Node, draw, place


def chain(*reads: tuple[int, ...]) -> list[Node]:
    """Return rows that read the rows of these indices."""
    return [Node(tuple(f"t{i}" for i in row), (f"t{n}",)) for n, row in enumerate(reads)]


def test_a_chain_is_a_straight_line() -> None:
    lanes, edges = place(chain((), (0,), (1,), (2,)))
    assert lanes == (0, 0, 0, 0)
    assert [(e.source, e.target, e.lane) for e in edges] == [(0, 1, 0), (1, 2, 0), (2, 3, 0)]


def test_a_skip_goes_beside_the_trunk() -> None:
    lanes, edges = place(chain((), (0,), (1,), (0, 2), (3,)))
    assert lanes == (0, 0, 0, 0, 0)
    assert {(e.source, e.target): e.lane for e in edges}[0, 3] == 1


def test_branches_have_lanes_of_their_own_until_they_meet() -> None:
    lanes, _ = place(chain((), (0,), (0,), (0,), (1, 2, 3), (4,)))
    assert lanes[0] == lanes[1] == lanes[4] == lanes[5] == 0
    assert len({lanes[1], lanes[2], lanes[3]}) == 3


def test_paths_begin_and_end_at_the_rows() -> None:
    drawing = draw(chain((), (0,), (0, 1)))
    assert drawing.height == 3 * ROW
    for path, (source, target) in zip(drawing.paths, ((0, 1), (0, 2), (1, 2)), strict=True):
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
        assert (numbers[0], numbers[1]) == (drawing.xs[source], drawing.ys[source])
        assert numbers[-1] == drawing.ys[target]
        for curve in re.findall(r"C([-\d. ]+)", path):
            assert all(0 <= float(x) <= drawing.width for x in curve.split()[::2])


def test_nothing_to_draw() -> None:
    assert draw([]).paths == ()


@st.composite
def networks(draw_: st.DrawFn) -> list[Node]:
    rows: list[Node] = []
    for index in range(draw_(st.integers(1, 14))):
        known = [name for node in rows for name in node.writes]
        reads = draw_(st.lists(st.sampled_from(known), max_size=3)) if known else []
        writes = tuple(f"t{index}.{k}" for k in range(draw_(st.integers(0, 3))))
        rows.append(Node(tuple(reads), writes))
    return rows


@given(networks())
def test_lines_of_different_tensors_never_run_over_each_other(nodes: list[Node]) -> None:
    lanes, edges = place(nodes)
    read = {(n, name) for n, node in enumerate(nodes) for name in node.reads}
    assert len(edges) == len(read)
    for a, b in combinations(edges, 2):
        if a.lane == b.lane and a.source != b.source:
            assert a.target <= b.source or b.target <= a.source
    for edge in edges:
        # A row between the ends of a line is never on it.
        assert edge.lane not in lanes[edge.source + 1 : edge.target]
