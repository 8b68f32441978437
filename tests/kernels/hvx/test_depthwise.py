"""HVX depthwise convolution against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.hvx.depthwise import narrow_parts, vector_channels
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target
from tests.kernel_harness import one_op_graph
from tests.kernels.hvx.forms import MODEL, check, check_inside, each_form
from tests.kernels.neon.layers import IO, ROUNDINGS, depthwise_case, sums_case

ROW = "hvx/depthwise_conv2d_s8"
SAME = Padding(1, 1, 1, 1)
TALL = Padding(2, 2, 1, 1)


@each_form
def test_channels_round_the_vector(form: Target) -> None:
    cases = [
        depthwise_case((1, 5, 6, c), (5, 3), stride=(s, s), padding=TALL, zero=zero, row=ROW)
        for c in (1, 3, 31, 64, 96, 127, 128, 129, 144)
        for s, zero in ((1, None), (2, 3))
    ]
    check(cases, form)


WINDOWS = (
    ((1, 4, 4, 16), (1, 1), {}),
    ((2, 5, 9, 10), (1, 2), {"padding": Padding(0, 1, 1, 0)}),
    ((1, 6, 7, 18), (5, 5), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 9, 9, 18), (5, 5), {"stride": (2, 2), "padding": Padding(1, 2, 1, 2)}),
    ((1, 3, 9, 4), (2, 7), {"padding": Padding(1, 0, 3, 3)}),
    ((1, 26, 2, 17), (25, 1), {}),
    ((1, 2, 26, 17), (1, 25), {}),
    ((1, 9, 9, 16), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 9, 16), (3, 3), {"dilation": (1, 3), "padding": Padding(1, 1, 3, 3)}),
    ((1, 9, 9, 8), (3, 3), {"stride": (2, 2), "dilation": (2, 2), "padding": SAME}),
    ((1, 8, 7, 5), (2, 2), {"stride": (3, 3)}),
    ((1, 8, 7, 20), (3, 2), {"stride": (1, 2), "padding": Padding(1, 1, 0, 1)}),
    ((1, 1, 1, 8), (3, 3), {"padding": SAME}),
    ((1, 2, 1, 12), (5, 5), {"padding": Padding(3, 2, 2, 3)}),
    ((1, 1, 5, 16), (3, 3), {"padding": Padding(1, 1, 0, 0)}),
    ((1, 6, 3, 40), (3, 3), {"stride": (2, 3), "padding": Padding(1, 1, 4, 4)}),
)


@each_form
def test_windows(form: Target) -> None:
    check([depthwise_case(x, k, row=ROW, **changes) for x, k, changes in WINDOWS], form)


# Whole vectors of channels in the arena are read where they are.
INSIDE = (
    ((1, 7, 8, 128), (5, 3), {"padding": TALL}),
    ((2, 6, 8, 128), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((1, 7, 5, 256), (3, 3), {"stride": (2, 2), "padding": SAME}),
    ((1, 5, 4, 128), (5, 5), {"stride": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 5, 9, 128), (1, 2), {"stride": (1, 3)}),
    ((1, 3, 2, 128), (3, 3), {"stride": (1, 2), "padding": Padding(2, 2, 5, 4)}),
    ((1, 7, 9, 128), (3, 3), {"stride": (2, 2), "dilation": (2, 2), "padding": SAME}),
)


@each_form
@pytest.mark.parametrize(("x", "kernel", "changes"), INSIDE)
def test_whole_vectors_in_place(form: Target, x: tuple, kernel: tuple, changes: dict) -> None:
    compiled = check_inside(depthwise_case(x, kernel, row=ROW, **changes), form)
    # One column at a time, lines are copied: neighbouring windows share them.
    copied = changes.get("stride", (1, 1))[1] == 1
    assert ("filled" in compiled.files["src/layer.c"]) is copied


@each_form
def test_zero_points_at_both_ends(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 5, 35), (3, 3), zero=z, zeros=zeros, padding=SAME, row=ROW, extreme=e)
        for zeros in ((-128, 127), (127, -128))
        for z, e in ((-128, True), (-1, False), (127, True), (None, True))
    ]
    check(cases, form)


@each_form
def test_roundings_left_shifts_and_clamps(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 3, 18), (3, 3), scale=scale, numerics=n, padding=SAME, row=ROW, **o)
        for n in ROUNDINGS[:3]
        for scale, o in (
            (0.004, {}),
            (20.0, {"zero": 4}),
            (2.0, {"zeros": (0, -128), "activation": Activation.RELU6}),
        )
    ]
    check(cases, form)


@pytest.mark.parametrize(("kernel", "out"), [((6, 5), 8), ((3, 3), 16)])
def test_what_it_does_not_take_is_portable(kernel: tuple[int, int], out: int) -> None:
    op = DepthwiseConv2D(**IO)
    y = (1, 10 - kernel[0], 10 - kernel[1], out)
    case = sums_case(op, (1, 9, 9, 8), (1, *kernel, out), y, axis=3)
    [(lowered, io)] = one_op_graph(op, case.tensors).walk()
    row = select(lowered, io, MODEL.isas)
    assert row is not None and row.id.startswith("portable/depthwise")


@pytest.mark.parametrize(("least", "most", "count"), [(-127, 127, 1), (-128, 254, 2), (0, 255, 3)])
def test_wide_weights_are_parts(least: int, most: int, count: int) -> None:
    w = np.arange(least, most + 1)
    parts = narrow_parts(w)
    assert len(parts) == count
    np.testing.assert_array_equal(sum(part.astype(int) for part in parts), w)


@given(channels=st.integers(1, 400), width=st.integers(1, 40))
def test_every_vector_has_its_channels(channels: int, width: int) -> None:
    row = channels * width
    places, period = vector_channels(row, channels)
    assert len(places) - period == (row > 128 and row % 128 != 0)
    for number, at in enumerate(range(0, max(row - 127, 1), 128)):
        wanted = np.arange(at, at + 128) % channels
        np.testing.assert_array_equal(places[number % period], wanted)
    if len(places) > period:
        np.testing.assert_array_equal(places[-1], np.arange(row - 128, row) % channels)
