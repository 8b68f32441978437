"""AVX2 depthwise convolution against the reference."""

from __future__ import annotations

import pytest

from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from tests.kernel_harness import one_op_graph
from tests.kernels.neon.layers import IO, ROUNDINGS, depthwise_case, sums_case
from tests.kernels.x86_avx2.layers import TARGET, check, needs_avx2

ROW = "x86_avx2/depthwise_conv2d_s8"
SAME = Padding(1, 1, 1, 1)


@needs_avx2
def test_channels_round_the_vector() -> None:
    check(
        depthwise_case((1, 7, 6, c), (3, 3), stride=(s, s), padding=SAME, row=ROW)
        for c in (8, 9, 15, 16, 17, 67)
        for s in (1, 2)
    )


WINDOWS = (
    ((1, 4, 4, 8), (1, 1), {}),
    ((2, 5, 9, 10), (1, 2), {"padding": Padding(0, 1, 1, 0)}),
    ((1, 6, 7, 9), (5, 5), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 9, 9, 9), (5, 5), {"stride": (2, 2), "padding": Padding(1, 2, 1, 2)}),
    ((1, 3, 9, 8), (2, 7), {"padding": Padding(1, 0, 3, 3)}),
    ((1, 26, 2, 9), (25, 1), {}),
    ((1, 2, 26, 9), (1, 25), {}),
    ((1, 9, 8, 8), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 9, 8), (3, 3), {"dilation": (1, 3), "padding": Padding(1, 1, 3, 3)}),
    ((1, 8, 7, 8), (2, 2), {"stride": (3, 3)}),
    ((1, 8, 7, 20), (3, 2), {"stride": (1, 2), "padding": Padding(1, 1, 0, 1)}),
    ((1, 1, 1, 8), (3, 3), {"padding": SAME}),
    ((1, 2, 1, 12), (5, 5), {"padding": Padding(3, 2, 2, 3)}),
    ((1, 1, 5, 8), (3, 3), {"padding": Padding(1, 1, 0, 0)}),
)


@needs_avx2
def test_windows() -> None:
    check(depthwise_case(x, k, row=ROW, **changes) for x, k, changes in WINDOWS)


@needs_avx2
def test_zero_points_at_both_ends() -> None:
    check(
        depthwise_case((1, 5, 5, 11), (3, 3), zero=z, zeros=zeros, padding=SAME, row=ROW, extreme=e)
        for zeros in ((-128, 127), (127, -128))
        for z, e in ((-128, True), (-1, False), (3, False), (127, True), (None, True))
    )


@needs_avx2
def test_roundings_left_shifts_and_clamps() -> None:
    check(
        depthwise_case((1, 4, 3, 18), (3, 3), scale=scale, numerics=n, padding=SAME, row=ROW, **o)
        for n in ROUNDINGS
        for scale, o in (
            (0.004, {}),
            (0.004, {"zero": 4}),
            (20.0, {}),
            (20.0, {"zero": 4}),
            (2.0, {"zeros": (0, -128), "activation": Activation.RELU6}),
        )
    )


@pytest.mark.parametrize(
    ("x", "kernel", "out"),
    [((1, 9, 9, 7), (3, 3), 7), ((1, 9, 9, 8), (6, 5), 8), ((1, 9, 9, 8), (3, 3), 16)],
)
def test_what_it_does_not_take_is_portable(x: tuple, kernel: tuple[int, int], out: int) -> None:
    y = (1, 10 - kernel[0], 10 - kernel[1], out)
    case = sums_case(DepthwiseConv2D(**IO), x, (1, *kernel, out), y, axis=3)
    [(lowered, io)] = one_op_graph(case.op, case.tensors).walk()
    row = select(lowered, io, TARGET.isas)
    assert row is not None and row.id.startswith("portable/depthwise")
