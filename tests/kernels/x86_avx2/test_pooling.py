"""AVX2 pooling and means against the reference."""

from __future__ import annotations

import pytest

from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from tests.kernel_harness import check_layers
from tests.kernels.layers import POOLS, SAME, WINDOWS, mean, on, pool
from tests.kernels.neon.layers import ROUNDINGS
from tests.kernels.x86_avx2.layers import TARGET, needs_avx2

CHANNELS = (16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 100)


def widened(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape with channels enough for these kernels."""
    return (*shape[:-1], max(shape[-1], 16))


@needs_avx2
def test_channels_round_the_tile() -> None:
    sizes = [(2, 5, 6, c) for c in CHANNELS]
    cases = [pool(AveragePool2D, x, (3, 3), padding=SAME) for x in sizes]
    cases += [pool(MaxPool2D, x, (3, 3), stride=(2, 2), padding=SAME) for x in sizes]
    check_layers(on("x86_avx2", [*cases, *(mean(x, (1, 2)) for x in sizes)]), TARGET)


@needs_avx2
def test_windows() -> None:
    cases = [pool(c, widened(x), w, **o) for x, w, o in WINDOWS for c in POOLS]
    check_layers(on("x86_avx2", cases), TARGET)


@needs_avx2
def test_windows_clamp() -> None:
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    cases = [
        pool(c, (1, 5, 5, n), (3, 3), activation=a, padding=SAME)
        for a in clamps
        for c in POOLS
        for n in (16, 40)
    ]
    check_layers(on("x86_avx2", cases), TARGET)


@needs_avx2
@pytest.mark.parametrize("half_up", [False, True])
def test_averages_of_every_short_window(half_up: bool) -> None:
    windows = (2, 3, 4, 5, 6, 7, 12, 49, 64, 100, 125, 128)
    cases = [pool(AveragePool2D, (1, 40, n, 16), (1, n), round_half_up=half_up) for n in windows]
    check_layers(on("x86_avx2", cases), TARGET)


@needs_avx2
def test_means_over_axes_and_roundings() -> None:
    shape = (3, 4, 5, 18)
    by_axes = [mean(shape, axes) for axes in ((1,), (2,), (0, 2), (0, 1), (0, 1, 2))]
    rounded = [
        mean((1, 16, 16, 40), (1, 2), zeros, scales, numerics=r)
        for r in ROUNDINGS
        for zeros in ((-128, 127), (127, -128))
        for scales in ((0.05, 0.04), (0.05, 0.05), (3.0, 0.04))
    ]
    check_layers(on("x86_avx2", [*by_axes, *rounded]), TARGET)


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        pool(AveragePool2D, (1, 5, 5, 15), (3, 3)),
        pool(AveragePool2D, (1, 20, 20, 16), (18, 18), padding=SAME),
        pool(MaxPool2D, (1, 5, 5, 15), (3, 3)),
        pool(MaxPool2D, (1, 9, 9, 16), (9, 1)),
        mean((1, 5, 5, 15), (1, 2)),
        mean((1, 17, 17, 16), (1, 2)),
    ]
    check_layers(on("portable", cases), TARGET)
