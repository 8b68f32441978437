"""Convolutions and fully connected layers at sizes around every tile of the ARM kernels."""

from __future__ import annotations

from itertools import product

from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from tests.kernel_harness import Case
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

AROUND = Padding(1, 1, 1, 1)
# Filled up to a multiple of eight, blocks of 32, 16 and 8 places follow each other in all ways.
DEPTHS = (1, 7, 8, 9, 16, 17, 24, 31, 32, 33, 40, 48, 56, 64, 65, 72, 80, 88, 104)
WINDOWS = (
    ((1, 9, 9, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((2, 9, 9, 3), (3, 3), {"padding": AROUND}),
    ((1, 30, 45, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((1, 20, 10, 1), (10, 4), {"stride": (2, 2), "padding": Padding(4, 5, 1, 1)}),
    ((1, 20, 20, 3), (7, 7), {"stride": (2, 2), "padding": Padding(3, 3, 3, 3)}),
    ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 9, 9, 16), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 13, 13, 2), (5, 5), {"dilation": (2, 2)}),
    ((2, 7, 8, 16), (3, 3), {"padding": AROUND}),
    ((1, 7, 8, 17), (3, 3), {"padding": AROUND}),
    ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
    ((1, 8, 8, 32), (1, 1), {"stride": (2, 2)}),
    ((1, 2, 2, 5), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
    ((2, 7, 8, 1), (5, 2), {"stride": (1, 2)}),
    ((1, 1, 1, 2), (1, 1), {"padding": Padding(3, 3, 3, 3)}),
    ((1, 40, 3, 5), (2, 2), {"padding": Padding(0, 0, 5, 0)}),
    ((1, 15, 15, 18), (13, 5), {"padding": Padding(2, 2, 2, 2)}),
    ((3, 1, 1, 9), (1, 1), {}),
    ((1, 2, 1, 4), (2, 1), {}),
    ((1, 17, 19, 40), (3, 3), {}),
)


def size_cases(row: str) -> list[Case]:
    """Return pointwise layers: numbers of pixels and channels, short windows and long ones."""
    return [
        conv_case((1, 1, pixels, depth), out, (1, 1), row=row, zero=zero)
        for (out, pixels), (depth, zero) in product(
            ((1, 3), (3, 4), (4, 1), (5, 5), (7, 2), (8, 6), (9, 7), (12, 9), (16, 7), (17, 8)),
            ((16, None), (16, 3), (24, None), (40, -5)),
        )
    ]


def depth_cases(row: str) -> list[Case]:
    """Return pointwise layers of every depth; some with only the extreme weights."""
    cases = []
    for depth in DEPTHS:
        cases.append(conv_case((1, 1, 7, depth), 16, (1, 1), row=row, extreme=depth % 3 == 0))
        cases.append(conv_case((1, 1, 5, depth), 15, (1, 1), row=row, zero=5))
        cases.append(conv_case((1, 1, 1, depth), 23, (1, 1), row=row, extreme=True))
    return cases


def window_cases(row: str) -> list[Case]:
    """Return windows of all kinds, with and without a zero point of the weights."""
    return [
        conv_case(x, 6 + i % 7, kernel, row=row, zero=(None, 7)[i % 2], scale=100.0, **changes)
        for i, (x, kernel, changes) in enumerate(WINDOWS)
    ]


def value_cases(row: str) -> list[Case]:
    """Return extreme zero points, all roundings, left shifts, clamps, pairs of -128."""
    ends = [
        conv_case((1, 5, 5, 7), 9, (3, 3), row=row, zero=zero, zeros=zeros, padding=AROUND)
        for zero, zeros in product((-128, 127), ((-128, 127), (127, -128)))
    ]
    rounded = [
        conv_case((1, 1, 5, depth), 9, (1, 1), row=row, zero=zero, numerics=n, scale=scale)
        for n, depth, (zero, scale) in product(
            ROUNDINGS, (9, 40), ((None, 0.004), (None, 30.0), (4, 30.0))
        )
    ]
    relu = [
        conv_case((1, 4, 4, d), 8, (1, 1), row=row, scale=0.1, activation=Activation.RELU6)
        for d in (12, 40)
    ]
    return [*ends, *rounded, *relu, *least_cases(row)]


def least_cases(row: str) -> list[Case]:
    """Return layers where weights that go together are both -128."""
    return [
        conv_case((1, 1, 6, depth), out, (1, 1), row=row, zero=0, extreme=True)
        for depth, out in ((16, 9), (24, 3), (72, 10))
    ]


def block_cases(row: str) -> list[Case]:
    """Return layers of several blocks of pixels."""
    return [
        conv_case((1, 40, 31, 24), 5, (1, 1), row=row),
        conv_case((1, 23, 25, 48), 4, (1, 1), row=row, zero=2),
        conv_case((1, 60, 60, 3), 4, (3, 3), row=row, stride=(2, 2), padding=Padding(0, 1, 0, 1)),
        conv_case((1, 12, 13, 160), 5, (3, 3), row=row, padding=AROUND, scale=400.0),
    ]


def fully_connected_cases(row: str) -> list[Case]:
    """Return fully connected layers of one row and of several."""
    return [
        fully_connected_case(rows, depth, out, row=row, zero=zero)
        for (rows, zero), (depth, out) in product(
            ((1, None), (1, 9), (2, None), (7, 9)),
            ((1, 1), (64, 10), (65, 12), (250, 19), (16, 33)),
        )
    ]
