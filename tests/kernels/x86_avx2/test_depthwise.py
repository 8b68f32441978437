"""AVX2 depthwise convolution against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.kernels.x86_avx2.depthwise import packed_taps
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from tests.kernel_harness import one_op_graph
from tests.kernels.x86_avx2.layers import ROUNDINGS, TARGET, check, needs_avx2, tensors, weights

IO = {"inputs": ("x", "w", "b"), "outputs": ("y",)}
SAME = Padding(1, 1, 1, 1)


def layer(x: tuple, kernel: tuple[int, int], out: int, zero: int | None = None, **changes):
    rng = np.random.default_rng(3)
    zeros, scale = changes.pop("zeros", (-3, 5)), changes.pop("scale", 20.0)
    op = DepthwiseConv2D(**IO, **changes)
    w = weights(rng, (1, *kernel, out), 3, zero)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, op.dilation, strict=True)]
    pads = (op.padding.top + op.padding.bottom, op.padding.left + op.padding.right)
    size = [
        (n + p - span) // s + 1
        for n, p, span, s in zip(x[1:3], pads, spans, op.stride, strict=True)
    ]
    return op, tensors(rng, x, w, (x[0], *size, out), zeros, scale), rng


def depthwise(x: tuple, kernel: tuple[int, int], zero: int | None = None, **changes) -> None:
    numerics = changes.pop("numerics", "gemmlowp")
    op, found, rng = layer(x, kernel, x[3], zero, **changes)
    check(op, found, "depthwise_conv2d_s8", rng, numerics)


@needs_avx2
@pytest.mark.parametrize("channels", [8, 9, 15, 16, 17, 24, 67])
@pytest.mark.parametrize("stride", [1, 2])
def test_channels_round_the_vector(channels: int, stride: int) -> None:
    depthwise((1, 7, 6, channels), (3, 3), stride=(stride, stride), padding=SAME)


@needs_avx2
@pytest.mark.parametrize("kernel", [(1, 1), (1, 2), (3, 3), (5, 5), (2, 7), (25, 1)])
def test_windows(kernel: tuple[int, int]) -> None:
    depthwise((2, 26, 9, 10), kernel, padding=Padding(0, 1, 1, 0))
    depthwise((1, 51, 15, 8), kernel, dilation=(2, 2))


@needs_avx2
def test_windows_larger_than_the_image() -> None:
    depthwise((1, 1, 1, 8), (3, 3), padding=SAME)
    depthwise((1, 2, 1, 12), (5, 5), padding=Padding(3, 2, 2, 3))


@needs_avx2
@pytest.mark.parametrize("zero", [-128, -1, 3, 127])
@pytest.mark.parametrize("zeros", [(-128, 127), (127, -128)])
def test_zero_points_at_both_ends(zero: int, zeros: tuple[int, int]) -> None:
    depthwise((1, 5, 5, 11), (3, 3), zero, zeros=zeros, padding=SAME)


@needs_avx2
@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
@pytest.mark.parametrize("zero", [None, 4])
@pytest.mark.parametrize("scale", [0.004, 20.0])
def test_roundings_and_left_shifts(numerics, zero: int | None, scale: float) -> None:
    depthwise((1, 4, 4, 18), (3, 3), zero, numerics=numerics, scale=scale, padding=SAME)


@pytest.mark.parametrize(
    ("x", "kernel", "out"),
    [((1, 9, 9, 7), (3, 3), 7), ((1, 9, 9, 8), (6, 5), 8), ((1, 9, 9, 8), (3, 3), 16)],
)
def test_what_it_does_not_take_is_portable(x: tuple, kernel: tuple[int, int], out: int) -> None:
    op, found, _ = layer(x, kernel, out)
    [(lowered, io)] = one_op_graph(op, found).walk()
    row = select(lowered, io, TARGET.isas)
    assert row is not None and row.id.startswith("portable/depthwise")


def test_taps_are_packed_in_pairs() -> None:
    w = np.arange(3 * 9).reshape(3, 9)
    packed = packed_taps(w).reshape(2, 2, 8, 2)
    for block, start in enumerate((0, 1)):
        for c in range(8):
            assert packed[block, :, c].ravel().tolist() == [*w[:, start + c], 0]
