"""Means around every tie, for counts on both sides of each form of their division; copies."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from tests.kernel_harness import QUICK, Case, check_layers

IO = {"inputs": ("x",), "outputs": ("y",)}
CHANNELS = 48
# Powers of two, and counts around 256 and 4096, the most of the short and the long factor.
WINDOWS = ((1, 1), (3, 1), (5, 5), (3, 85), (16, 16), (1, 257), (17, 17), (32, 32), (65, 63))
LARGEST = ((64, 64), (17, 241))


def tensor(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, DType.INT8, QuantParams.per_tensor(0.05, -3))


def near_ties(count: int, seed: int) -> np.ndarray:
    """Return codes [count, channels] whose sums are next to halves of the count, or extremes."""
    rng = np.random.default_rng(seed)
    means = rng.integers(-128, 127, CHANNELS)
    sums = means * count + count // 2 + np.arange(CHANNELS) % 5 - 2
    sums[:2] = -128 * count, 127 * count
    sums = np.clip(sums, -128 * count, 127 * count)
    low = sums // count
    codes = low + (np.arange(count)[:, None] < sums - low * count)
    return rng.permuted(codes, axis=0).astype(np.int8)


def mean_case(window: tuple[int, int], half_up: bool = False) -> Case:
    rows, columns = window
    shape = (1, rows, columns, CHANNELS)
    op = AveragePool2D(**IO, window=window, round_half_up=half_up)
    tensors = {"x": tensor("x", *shape), "y": tensor("y", 1, 1, 1, CHANNELS)}
    runs = [[near_ties(rows * columns, seed).reshape(shape)] for seed in range(2)]
    return Case(op, tensors, runs, "portable/average_pool2d_s8")


@pytest.mark.parametrize("windows", [WINDOWS, LARGEST], ids=["factors", "divisions"])
def test_means_are_exact_next_to_every_tie(windows: tuple[tuple[int, int], ...]) -> None:
    check_layers([mean_case(window, up) for window in windows for up in (False, True)], QUICK)


def test_padded_means_are_exact() -> None:
    cases = []
    for size in (3, 15, 17):
        image = (1, size, size, CHANNELS)
        op = AveragePool2D(**IO, window=(size, size), padding=Padding(1, 1, 1, 1))
        tensors = {"x": tensor("x", *image), "y": tensor("y", 1, 3, 3, CHANNELS)}
        runs = [[near_ties(size * size, 7).reshape(image)]]
        cases.append(Case(op, tensors, runs, "portable/average_pool2d_s8"))
    check_layers(cases, QUICK)


@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU])
def test_a_maximum_of_one_pixel_is_a_copy(activation: Activation) -> None:
    tensors = {"x": tensor("x", 2, 7, 5, 9), "y": tensor("y", 2, 4, 3, 9)}
    op = MaxPool2D(**IO, window=(1, 1), stride=(2, 2), activation=activation)
    rng = np.random.default_rng(3)
    runs = [[rng.integers(-128, 128, (2, 7, 5, 9), dtype=np.int8)]]
    found = check_layers([Case(op, tensors, runs, "portable/max_pool2d_s8")], QUICK)
    copies = "memcpy(out, p00, CHANNELS)" in found.files["src/layers.c"]
    assert copies == (activation is Activation.NONE)
