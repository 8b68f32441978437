"""How movement becomes few loops: each law against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.portable.movement import borders, merge, strides

SHAPES = st.lists(st.integers(1, 4), max_size=5).map(tuple)


@given(SHAPES, st.data())
def test_merged_loops_read_the_same_elements(shape: tuple[int, ...], data: st.DataObject) -> None:
    perm = data.draw(st.permutations(range(len(shape))))
    every = [data.draw(st.integers(1, 2)) for _ in shape]
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    box = x[tuple(slice(None, None, step) for step in every)]
    y = box.transpose(perm) if shape else box
    apart = strides(shape)
    loops = merge(y.shape, [apart[axis] * every[axis] for axis in perm])
    reads = [
        sum(i * step for i, (_, step) in zip(at, loops, strict=True))
        for at in itertools.product(*(range(count) for count, _ in loops))
    ]
    assert reads == y.ravel().tolist()
    assert len(loops) == 1 or all(count > 1 for count, _ in loops)
    assert all(a[1] != b[0] * b[1] for a, b in itertools.pairwise(loops))


def _write(loops: tuple[tuple[int, int, int], ...], x: list[int], out: list[int]) -> None:
    count, before, after = loops[0]
    out += [-1] * before
    if len(loops) == 1:
        out += x[:count]
        del x[:count]
    else:
        for _ in range(count):
            _write(loops[1:], x, out)
    out += [-1] * after


@given(SHAPES, st.data())
def test_borders_write_the_padded_tensor_in_order(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    width = st.integers(0, 2)
    paddings = [data.draw(st.tuples(width, width)) for _ in shape]
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    out: list[int] = []
    loops = borders(shape, paddings)
    _write(loops, x.ravel().tolist(), out)
    expected = np.pad(x, paddings, constant_values=-1) if shape else x
    assert out == expected.ravel().tolist()
    assert all(loop[1:] != (0, 0) for loop in loops[1:])
