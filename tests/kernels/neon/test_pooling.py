"""NEON pooling and means against the reference, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from tests.kernel_harness import check_layers
from tests.kernels.layers import POOLS, SAME, WINDOWS, mean, on, pool
from tests.kernels.neon.layers import ROUNDINGS

TARGETS = ("aarch64", "armv7-neon")
CHANNELS = (8, 9, 15, 16, 17, 31, 32, 33, 48, 64, 67, 100)
ROWS = ("neon/average_pool2d_s8", "neon/max_pool2d_s8", "neon/mean_s8")


@pytest.mark.parametrize("target", TARGETS)
def test_channels_round_the_tile(target: str) -> None:
    sizes = [(2, 5, 6, c) for c in CHANNELS]
    averages = [pool(AveragePool2D, x, (3, 3), padding=SAME) for x in sizes]
    largest = [pool(MaxPool2D, x, (3, 3), stride=(2, 2), padding=SAME) for x in sizes]
    means = [mean(x, (1, 2)) for x in sizes]
    layers = zip(ROWS, (averages, largest, means), strict=True)
    check_layers([replace(case, kernel=row) for row, cases in layers for case in cases], target)


@pytest.mark.parametrize("target", TARGETS)
def test_windows(target: str) -> None:
    check_layers(on("neon", [pool(c, x, w, **o) for x, w, o in WINDOWS for c in POOLS]), target)


def test_windows_clamp() -> None:
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    x = (1, 5, 5, 24)
    options = ({"padding": SAME}, {"stride": (2, 2)})
    cases = [pool(c, x, (3, 3), activation=a, **o) for a in clamps for c in POOLS for o in options]
    check_layers(on("neon", cases), "aarch64")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("half_up", [False, True])
def test_averages_of_every_short_window(target: str, half_up: bool) -> None:
    windows = [(1, n) for n in (2, 3, 4, 5, 6, 7, 12, 49, 64, 100, 125, 128)]
    cases = [pool(AveragePool2D, (1, 40, n, 8), (1, n), round_half_up=half_up) for _, n in windows]
    check_layers(on("neon", cases), target)


@pytest.mark.parametrize("target", TARGETS)
def test_averages_and_means_of_long_windows(target: str) -> None:
    averages = [pool(AveragePool2D, (1, 33, n, 24), (33, n)) for n in (9, 33)]
    means = [mean((2, 20, 21, c), (1, 2), numerics=r) for c in (8, 40) for r in ROUNDINGS]
    check_layers(on("neon", [*averages, *means]), target)


@pytest.mark.parametrize("target", TARGETS)
def test_means_over_axes_and_roundings(target: str) -> None:
    shape = (3, 4, 5, 18)
    by_axes = [mean(shape, axes) for axes in ((1,), (2,), (0, 2), (0, 1), (0, 1, 2))]
    rounded = [
        mean((1, 7, 7, 40), (1, 2), zeros, scales, numerics=r)
        for r in ROUNDINGS
        for zeros in ((-128, 127), (127, -128))
        for scales in ((0.05, 0.04), (0.05, 0.05), (3.0, 0.04))
    ]
    check_layers(on("neon", [*by_axes, *rounded]), target)


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        pool(AveragePool2D, (1, 5, 5, 7), (3, 3)),
        pool(AveragePool2D, (1, 20, 20, 8), (18, 18), padding=SAME),
        pool(MaxPool2D, (1, 5, 5, 7), (3, 3)),
        pool(MaxPool2D, (1, 9, 9, 8), (3, 3), stride=(3, 3)),
        pool(MaxPool2D, (1, 9, 9, 8), (9, 1)),
        mean((1, 5, 5, 7), (1, 2)),
        mean((1, 5, 24), (2,)),
        mean((1, 263, 1, 8), (1, 2)),
    ]
    check_layers(on("portable", cases), "aarch64")
