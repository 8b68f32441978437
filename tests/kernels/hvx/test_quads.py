"""HVX depthwise convolution of four lines together against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.hvx.quads import split_weights, tiles_of
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.plan.select import select
from edgeq.targets import Target
from tests.kernel_harness import Case, one_op_graph
from tests.kernels.hvx.forms import MODEL, check, check_inside, each_form
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

ROW = "hvx/depthwise_conv2d_quads_s8"
SAME = Padding(1, 1, 1, 1)
THREE = (3, 3)


@each_form
def test_channels_and_widths(form: Target) -> None:
    cases = [
        depthwise_case((1, 5, w, c), THREE, padding=SAME, zero=zero, row=ROW)
        for c, w, zero in (
            *((32, w, None) for w in (4, 5, 7, 9)),
            *((64, w, 3) for w in (2, 7, 8)),
            *((c, 20, None) for c in (8, 16, 24, 40, 144)),
            (160, 15, -100),
            (96, 1 + 14, None),
            (128, 6, 120),
        )
    ]
    check(cases, form)


@each_form
def test_steps(form: Target) -> None:
    cases = [
        depthwise_case((1, 6, w, c), THREE, stride=(2, s), padding=p, zero=zero, row=ROW)
        for c, w, s, zero in ((32, 8, 2, None), (32, 35, 2, 3), (96, 9, 2, -128), (64, 31, 3, None))
        for p in (SAME, Padding(0, 1, 0, 1))
    ]
    check(cases, form)


WINDOWS = (
    ((2, 5, 9, 32), (2, 2), {"padding": Padding(0, 1, 1, 0)}),
    ((1, 6, 7, 32), (4, 3), {"padding": Padding(2, 1, 1, 1)}),
    ((1, 9, 9, 32), (4, 5), {"stride": (2, 2), "padding": Padding(1, 2, 1, 2)}),
    ((1, 4, 9, 64), (3, 5), {"padding": Padding(1, 1, 2, 2)}),
    ((1, 9, 8, 32), THREE, {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 9, 32), THREE, {"dilation": (1, 3), "padding": Padding(1, 1, 3, 3)}),
    ((1, 8, 7, 32), (2, 1), {"stride": (3, 3)}),
    ((1, 8, 7, 96), (3, 2), {"stride": (1, 2), "padding": Padding(1, 1, 0, 1)}),
    ((1, 1, 5, 32), THREE, {"padding": SAME}),
    ((1, 2, 4, 32), THREE, {"padding": Padding(3, 2, 2, 3)}),
    ((1, 6, 8, 32), THREE, {"stride": (2, 3), "padding": Padding(1, 1, 4, 4)}),
    ((3, 3, 3, 64), THREE, {}),
)


@each_form
def test_windows(form: Target) -> None:
    check([depthwise_case(x, k, row=ROW, **changes) for x, k, changes in WINDOWS], form)


# In the arena, where vectors are stored by parts.
INSIDE = (
    ((1, 5, 9, 32), {}),
    ((1, 4, 14, 64), {}),
    ((2, 3, 8, 96), {}),
    ((1, 5, 7, 192), {}),
    ((1, 4, 15, 128), {"zero": 100}),
    ((1, 5, 8, 144), {}),
    ((1, 6, 16, 96), {"stride": (2, 2)}),
    ((1, 7, 8, 128), {"stride": (2, 2), "zero": 100}),
    ((1, 3, 20, 8), {"padding": Padding(1, 1, 2, 0)}),
)


@each_form
@pytest.mark.parametrize(("x", "changes"), INSIDE)
def test_in_the_arena(form: Target, x: tuple, changes: dict) -> None:
    check_inside(depthwise_case(x, THREE, row=ROW, **{"padding": SAME, **changes}), form)


@each_form
def test_zero_points_at_both_ends(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 5, 32), THREE, zero=z, zeros=zeros, padding=SAME, row=ROW, extreme=e)
        for zeros in ((-128, 127), (127, -128))
        for z, e in ((-128, True), (-1, False), (127, True), (None, True))
    ]
    check(cases, form)


@each_form
def test_roundings_left_shifts_and_clamps(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 3, 64), THREE, scale=scale, numerics=n, padding=SAME, row=ROW, **o)
        for n in ROUNDINGS[:3]
        for scale, o in (
            (0.004, {}),
            (20.0, {"zero": 4}),
            (2.0, {"zeros": (0, -128), "activation": Activation.RELU6}),
        )
    ]
    check(cases, form)


OTHERS = (
    depthwise_case((1, 5, 7, 24), THREE, padding=SAME),
    depthwise_case((1, 9, 8, 144), THREE, stride=(2, 2), padding=SAME),
    depthwise_case((1, 9, 9, 128), THREE, stride=(2, 2), padding=SAME),
    depthwise_case((1, 9, 9, 32), (5, 5)),
    depthwise_case((1, 5, 9, 32), (1, 3)),
    depthwise_case((1, 5, 9, 32), (3, 7)),
    depthwise_case((1, 5, 3, 32), THREE, padding=SAME),
    depthwise_case((1, 5, 9, 32), THREE, numerics=ROUNDINGS[3]),
)


@pytest.mark.parametrize("case", OTHERS)
def test_what_it_does_not_take(case: Case) -> None:
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    row = select(op, io, MODEL.isas)
    assert row is not None and row.id != ROW


@given(st.lists(st.integers(-255, 255), min_size=1, max_size=9), st.integers(-128, 127))
def test_weights_are_bytes_and_what_is_subtracted(codes: list[int], zero: int) -> None:
    w = np.clip(codes, -128 - zero, 127 - zero)[:, None]
    narrow, minus = split_weights(w)
    assert narrow.dtype == minus.dtype == np.int8
    np.testing.assert_array_equal(narrow.astype(int) - minus, w)


@given(channels=st.integers(1, 400), width=st.integers(1, 60), stride=st.integers(1, 3))
def test_units_are_all_of_a_row(channels: int, width: int, stride: int) -> None:
    case = depthwise_case((1, 4, width + 2, channels), THREE, stride=(1, stride))
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    tiles = tiles_of(op, io)
    if tiles is None:
        assert channels % 32 or channels * (width + 2) < 128
        return
    assert tiles.pixel % 32 == 0 and tiles.pixel % channels == 0
    assert tiles.count * tiles.pixel == io.y.shape[2] * channels
    assert 1 <= tiles.tile <= tiles.count
