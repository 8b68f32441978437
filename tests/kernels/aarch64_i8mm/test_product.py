"""Matrix multiply kernels of convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.aarch64_i8mm.panels import packed_weights, panel_starts
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from tests.kernel_harness import check_layers
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

TARGET = "aarch64-i8mm"
POINTWISE = "aarch64_i8mm/conv2d_1x1_s8"
WINDOWS = "aarch64_i8mm/conv2d_s8"
FULLY_CONNECTED = "aarch64_i8mm/fully_connected_s8"
AROUND = Padding(1, 1, 1, 1)


def test_sizes_round_the_tile() -> None:
    outs = (1, 2, 7, 8, 9, 15, 16, 17, 24)
    cases = [
        conv_case((1, 1, pixels, 16), out, (1, 1), row=POINTWISE)
        for pixels, out in [(p, 8) for p in range(2, 18)] + [(11, out) for out in outs]
    ]
    check_layers(cases, TARGET)


def test_depths_round_the_step() -> None:
    cases = []
    for depth in (8, 16, 24, 32, 40, 48, 56, 64, 72, 88, 136, 256):
        cases.append(conv_case((1, 3, 3, depth), 9, (1, 1), row=POINTWISE))
        cases.append(conv_case((1, 3, 3, depth), 9, (1, 1), row=POINTWISE, zero=7))
    check_layers(cases, TARGET)


def test_windows() -> None:
    shapes = (
        ((1, 5, 7, 8), (3, 3), {"padding": AROUND}),
        ((2, 6, 5, 16), (3, 3), {"padding": AROUND}),
        ((1, 9, 9, 24), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
        ((1, 9, 8, 8), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
        ((2, 4, 5, 8), (1, 1), {"stride": (2, 2)}),
        ((1, 3, 9, 40), (1, 7), {"padding": Padding(0, 0, 3, 3)}),
        ((1, 9, 3, 8), (7, 1), {"padding": Padding(3, 3, 0, 0)}),
        ((1, 2, 2, 8), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
        ((1, 7, 8, 8), (4, 2), {"stride": (1, 3)}),
        ((1, 9, 9, 8), (3, 3), {"dilation": (1, 2)}),
    )
    cases = [
        conv_case(x, 10, kernel, row=WINDOWS, zero=zero, **changes)
        for x, kernel, changes in shapes
        for zero in (None, -5)
    ]
    check_layers(cases, TARGET)
