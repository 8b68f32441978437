"""VNNI depthwise convolution against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.kernels.x86_vnni.depthwise import int8_parts
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import IO, ROUNDINGS, depthwise_case, sums_case
from tests.kernels.x86_vnni.forms import MODEL, check, each_form, needs_avx2

ROW = "x86_vnni/depthwise_conv2d_s8"
SAME = Padding(1, 1, 1, 1)


@needs_avx2
@each_form
def test_channels_round_the_vector(form: Target) -> None:
    cases = [
        depthwise_case((1, 5, 6, c), (3, 3), stride=(s, s), padding=SAME, zero=zero, row=ROW)
        for c in (1, 3, 15, 16, 17, 32, 35)
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
    ((1, 9, 8, 16), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 9, 16), (3, 3), {"dilation": (1, 3), "padding": Padding(1, 1, 3, 3)}),
    ((1, 8, 7, 5), (2, 2), {"stride": (3, 3)}),
    ((1, 8, 7, 20), (3, 2), {"stride": (1, 2), "padding": Padding(1, 1, 0, 1)}),
    ((1, 1, 1, 8), (3, 3), {"padding": SAME}),
    ((1, 2, 1, 12), (5, 5), {"padding": Padding(3, 2, 2, 3)}),
    ((1, 1, 5, 16), (3, 3), {"padding": Padding(1, 1, 0, 0)}),
)


@needs_avx2
@each_form
def test_windows(form: Target) -> None:
    check([depthwise_case(x, k, row=ROW, **changes) for x, k, changes in WINDOWS], form)


@needs_avx2
@each_form
def test_zero_points_at_both_ends(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 5, 17), (3, 3), zero=z, zeros=zeros, padding=SAME, row=ROW, extreme=e)
        for zeros in ((-128, 127), (127, -128))
        for z, e in ((-128, True), (-1, False), (127, True), (None, True))
    ]
    check(cases, form)


@needs_avx2
@each_form
def test_roundings_left_shifts_and_clamps(form: Target) -> None:
    cases = [
        depthwise_case((1, 4, 3, 18), (3, 3), scale=scale, numerics=n, padding=SAME, row=ROW, **o)
        for n in ROUNDINGS
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


@pytest.mark.parametrize(("most", "count"), [(127, 1), (254, 2), (255, 3)])
def test_wide_weights_are_parts(most: int, count: int) -> None:
    w = np.arange(-128, most + 1)
    parts = int8_parts(w)
    assert len(parts) == count
    np.testing.assert_array_equal(sum(part.astype(int) for part in parts), w)
