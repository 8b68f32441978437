"""NEON pooling and means against the reference, 32 and 64 bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding, output_size
from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from tests.kernel_harness import Case, check_layers
from tests.kernels.neon.layers import ROUNDINGS, runs_of

TARGETS = ("aarch64", "armv7-neon")
IO = {"inputs": ("x",), "outputs": ("y",)}
CHANNELS = (8, 9, 15, 16, 17, 31, 32, 33, 48, 64, 67, 100)
SAME = Padding(1, 1, 1, 1)
KERNELS = {AveragePool2D: "neon/average_pool2d_s8", MaxPool2D: "neon/max_pool2d_s8"}


def case_of(
    op: AveragePool2D | MaxPool2D | Mean,
    x: Sequence[int],
    y: Sequence[int],
    kernel: str,
    codes: tuple[QuantParams, QuantParams],
    numerics: str | Numerics = "gemmlowp",
) -> Case:
    """Return a layer of one input; an average rounds differently in random and extreme runs."""
    tensors = {
        name: Tensor(name, tuple(shape), DType.INT8, quant)
        for name, shape, quant in zip("xy", (x, y), codes, strict=True)
    }
    return Case(op, tensors, runs_of(np.random.default_rng(3), x), kernel, numerics)


def pool(
    cls: type[AveragePool2D] | type[MaxPool2D],
    x: Sequence[int],
    window: tuple[int, int],
    kernel: str | None = None,
    **changes: object,
) -> Case:
    """Return a pooling layer."""
    op = cls(**IO, window=window, **changes)  # type: ignore[arg-type]
    size = output_size((x[1], x[2]), window, op.stride, (1, 1), op.padding)
    same = QuantParams.per_tensor(0.05, -7)
    return case_of(op, x, (x[0], *size, x[3]), kernel or KERNELS[cls], (same, same))


def mean(
    x: Sequence[int],
    axes: tuple[int, ...],
    zeros: tuple[int, int] = (-3, 5),
    scales: tuple[float, float] = (0.05, 0.04),
    numerics: str | Numerics = "gemmlowp",
    kernel: str = "neon/mean_s8",
) -> Case:
    """Return a mean over some axes."""
    y = [extent for axis, extent in enumerate(x) if axis not in axes]
    codes = [QuantParams.per_tensor(s, z) for s, z in zip(scales, zeros, strict=True)]
    op = Mean(inputs=IO["inputs"], outputs=IO["outputs"], axes=axes)
    return case_of(op, x, y, kernel, (codes[0], codes[1]), numerics)


@pytest.mark.parametrize("target", TARGETS)
def test_channels_round_the_tile(target: str) -> None:
    sizes = [(2, 5, 6, c) for c in CHANNELS]
    averages = [pool(AveragePool2D, x, (3, 3), padding=SAME) for x in sizes]
    largest = [pool(MaxPool2D, x, (3, 3), stride=(2, 2), padding=SAME) for x in sizes]
    check_layers([*averages, *largest, *(mean(x, (1, 2)) for x in sizes)], target)


WINDOWS = (
    ((1, 8, 9, 20), (2, 2), {"stride": (2, 2)}),
    ((1, 8, 9, 20), (3, 2), {"stride": (1, 2), "padding": Padding(1, 0, 1, 0)}),
    ((2, 7, 7, 33), (3, 3), {"padding": SAME}),
    ((1, 9, 8, 16), (5, 5), {"stride": (2, 1), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 4, 32), (7, 1), {"stride": (7, 1)}),
    ((1, 9, 3, 16), (3, 3), {"stride": (3, 3)}),
    ((1, 2, 2, 12), (3, 3), {"padding": Padding(1, 2, 2, 1)}),
    ((1, 5, 5, 16), (1, 1), {"stride": (2, 2)}),
    ((1, 6, 11, 24), (2, 5), {"stride": (3, 4), "padding": Padding(0, 0, 3, 2)}),
)


@pytest.mark.parametrize("target", TARGETS)
def test_windows(target: str) -> None:
    check_layers([pool(c, x, w, **o) for x, w, o in WINDOWS for c in KERNELS], target)


def test_windows_clamp() -> None:
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    x = (1, 5, 5, 24)
    options = ({"padding": SAME}, {"stride": (2, 2)})
    cases = [
        pool(c, x, (3, 3), activation=a, **o) for a in clamps for c in KERNELS for o in options
    ]
    check_layers(cases, "aarch64")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("half_up", [False, True])
def test_averages_of_every_short_window(target: str, half_up: bool) -> None:
    windows = [(1, n) for n in (2, 3, 4, 5, 6, 7, 12, 49, 64, 100, 125, 128)]
    cases = [pool(AveragePool2D, (1, 40, n, 8), (1, n), round_half_up=half_up) for _, n in windows]
    check_layers(cases, target)


@pytest.mark.parametrize("target", TARGETS)
def test_averages_and_means_of_long_windows(target: str) -> None:
    averages = [pool(AveragePool2D, (1, 33, n, 24), (33, n)) for n in (9, 33)]
    means = [mean((2, 20, 21, c), (1, 2), numerics=r) for c in (8, 40) for r in ROUNDINGS]
    check_layers([*averages, *means], target)


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
    check_layers([*by_axes, *rounded], target)


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        pool(AveragePool2D, (1, 5, 5, 7), (3, 3), "portable/average_pool2d_s8"),
        pool(AveragePool2D, (1, 20, 20, 8), (18, 18), "portable/average_pool2d_s8", padding=SAME),
        pool(MaxPool2D, (1, 5, 5, 7), (3, 3), "portable/max_pool2d_s8"),
        pool(MaxPool2D, (1, 9, 9, 8), (3, 3), "portable/max_pool2d_s8", stride=(3, 3)),
        pool(MaxPool2D, (1, 9, 9, 8), (9, 1), "portable/max_pool2d_s8"),
        mean((1, 5, 5, 7), (1, 2), kernel="portable/mean_s8"),
        mean((1, 5, 24), (2,), kernel="portable/mean_s8"),
        mean((1, 263, 1, 8), (1, 2), kernel="portable/mean_s8"),
    ]
    check_layers(cases, "aarch64")
