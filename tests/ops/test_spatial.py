from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ops._spatial import (
    Padding,
    check_window,
    output_size,
    same_padding,
    windows,
)
from edgeq.ops.max_pool2d import MaxPool2D
from tests.ops.window_cases import NAMES

small = st.integers(1, 6)
pairs = st.tuples(small, small)
pads = st.builds(Padding, *[st.integers(0, 5)] * 4)


@given(pairs, pairs, pairs, pairs)
def test_same_padding_is_the_least_that_keeps_every_step(
    image: tuple, kernel: tuple, stride: tuple, dilation: tuple
) -> None:
    padding = same_padding(image, kernel, stride, dilation)
    size = output_size(image, kernel, stride, dilation, padding)
    assert size == tuple(-(-i // s) for i, s in zip(image, stride, strict=True))
    for before, after in ((padding.top, padding.bottom), (padding.left, padding.right)):
        assert after - before in (0, 1)
    # One less on the longer side would lose an output.
    if padding.bottom:
        less = Padding(padding.top, padding.bottom - 1, padding.left, padding.right)
        assert output_size(image, kernel, stride, dilation, less)[0] < size[0]
    if padding.right:
        less = Padding(padding.top, padding.bottom, padding.left, padding.right - 1)
        assert output_size(image, kernel, stride, dilation, less)[1] < size[1]


@given(pairs, pairs, pairs, pairs, pads)
def test_output_size_counts_windows(
    image: tuple, kernel: tuple, stride: tuple, dilation: tuple, padding: Padding
) -> None:
    sides = (padding.top + padding.bottom, padding.left + padding.right)
    size = output_size(image, kernel, stride, dilation, padding)
    for axis in range(2):
        reach = (kernel[axis] - 1) * dilation[axis]
        starts = range(0, image[axis] + sides[axis] - reach, stride[axis])
        assert max(size[axis], 0) == len(starts)


@given(pairs, pairs, pairs, pairs, pads, st.integers(1, 2), st.integers(1, 3))
def test_views_hold_each_window(
    image: tuple,
    kernel: tuple,
    stride: tuple,
    dilation: tuple,
    padding: Padding,
    batch: int,
    channels: int,
) -> None:
    size = output_size(image, kernel, stride, dilation, padding)
    assume(min(size) > 0)
    x = np.arange(batch * image[0] * image[1] * channels).reshape(batch, *image, channels)
    view = windows(x, kernel, stride, dilation, padding, -1)
    assert view.shape == (batch, *size, *kernel, channels)
    assert not view.flags.writeable
    for oy, ox, ky, kx in np.ndindex(*size, *kernel):
        iy = oy * stride[0] + ky * dilation[0] - padding.top
        ix = ox * stride[1] + kx * dilation[1] - padding.left
        inside = 0 <= iy < image[0] and 0 <= ix < image[1]
        want = x[:, iy, ix] if inside else np.full((batch, channels), -1)
        np.testing.assert_array_equal(view[:, oy, ox, ky, kx], want)


@given(pads, pads)
def test_paddings_add_up(a: Padding, b: Padding) -> None:
    both = a + b
    assert both == Padding(a.top + b.top, a.bottom + b.bottom, a.left + b.left, a.right + b.right)
    assert both.any == (a.any or b.any)
    assert a + Padding() == a


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (4, 4, 1)}, r"input has shape \(4, 4, 1\), expected 4 dimensions"),
        ({"kernel": (0, 1)}, "window, stride and dilation must be >= 1"),
        ({"stride": (1, 0)}, "window, stride and dilation must be >= 1"),
        ({"dilation": (-1, 1)}, "window, stride and dilation must be >= 1"),
        ({"padding": Padding(left=-1)}, "padding must not be negative"),
        ({"kernel": (5, 1)}, r"a 5x1 window does not fit into \(1, 4, 4, 1\)"),
        ({"kernel": (1, 3), "dilation": (1, 2)}, "a 1x3 window does not fit"),
    ],
)
def test_refuses_windows(change: dict[str, object], message: str) -> None:
    fits = {
        "x": (1, 4, 4, 1),
        "kernel": (2, 2),
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": Padding(),
    }
    op = MaxPool2D(**NAMES, window=(2, 2), source="node 7")
    check_window(op, **fits)
    with pytest.raises(ModelError, match=f"node 7: {message}"):
        check_window(op, **fits | change)
