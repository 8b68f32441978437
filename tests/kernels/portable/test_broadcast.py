from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.ir.types import Shape
from edgeq.kernels.portable._broadcast import loops


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Return two shapes that broadcast, of up to five dimensions each."""
    whole = draw(st.lists(st.integers(1, 4), max_size=5))
    parts = []
    for _ in range(2):
        kept = [draw(st.sampled_from((1, extent))) for extent in whole]
        parts.append(tuple(kept[draw(st.integers(0, len(kept))) :]))
    return parts[0], parts[1]


def offsets(found: tuple, name: str) -> np.ndarray:
    """Return where the loops read or write, in order."""
    total = np.zeros(1, int)
    for loop in found:
        steps = np.arange(loop.extent) * getattr(loop, name)
        total = (total[:, None] + steps).reshape(-1)
    return total


@given(shapes())
def test_loops_visit_what_numpy_does(pair: tuple[Shape, Shape]) -> None:
    y = np.broadcast_shapes(*pair)
    found = loops(*pair, y)
    for name, shape in zip(("x0", "x1"), pair, strict=True):
        indices = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        expected = np.broadcast_to(indices, y).reshape(-1)
        np.testing.assert_array_equal(offsets(found, name), expected)
    np.testing.assert_array_equal(offsets(found, "y"), np.arange(np.prod(y, dtype=int)))


@given(shapes())
def test_neighbouring_loops_differ(pair: tuple[Shape, Shape]) -> None:
    found = loops(*pair, np.broadcast_shapes(*pair))
    patterns = [(bool(loop.x0), bool(loop.x1)) for loop in found]
    assert all(one != next_ for one, next_ in itertools.pairwise(patterns))


def test_the_innermost_loop_steps_by_one() -> None:
    assert loops((2, 3, 4), (2, 1, 1), (2, 3, 4))[-1].y == 1
    assert loops((1,), (1, 1), (1, 1)) == loops((), (), ())
