"""AVX2 convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.x86_avx2.product import TILES, Tile, packed_weights, panel_starts, tile_of
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected
from tests.kernels.x86_avx2.layers import ROUNDINGS, check, needs_avx2, tensors, weights

IO = {"inputs": ("x", "w", "b"), "outputs": ("y",)}


def conv(x: tuple, out: int, kernel: tuple[int, int], zero: int | None = None, **changes) -> None:
    rng = np.random.default_rng(7)
    numerics = changes.pop("numerics", "gemmlowp")
    zeros, scale = changes.pop("zeros", (-3, 5)), changes.pop("scale", 40.0)
    op = Conv2D(**IO, **changes)
    w = weights(rng, (out, *kernel, x[3]), 0, zero)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, op.dilation, strict=True)]
    pads = (op.padding.top + op.padding.bottom, op.padding.left + op.padding.right)
    size = [
        (n + p - span) // s + 1
        for n, p, span, s in zip(x[1:3], pads, spans, op.stride, strict=True)
    ]
    found = tensors(rng, x, w, (x[0], *size, out), zeros, scale)
    check(op, found, "conv2d_s8", rng, numerics)


@needs_avx2
@pytest.mark.parametrize("out", [1, 7, 8, 9, 15, 16, 17, 24, 33, 35, 72])
@pytest.mark.parametrize("pixels", [1, 5, 6, 7, 15])
def test_pointwise_sizes_round_the_tile(out: int, pixels: int) -> None:
    conv((1, 1, pixels, 10), out, (1, 1))


@needs_avx2
@pytest.mark.parametrize("depth", [1, 2, 3, 8, 15, 16, 17, 31, 35, 64, 257])
def test_depths_round_the_vector(depth: int) -> None:
    conv((1, 3, 3, depth), 19, (1, 1))
    conv((2, 4, 5, depth), 16, (3, 3), padding=Padding(1, 1, 1, 1))


@needs_avx2
def test_several_blocks_of_pixels() -> None:
    conv((1, 40, 31, 24), 24, (1, 1))
    conv((1, 12, 13, 160), 8, (3, 3), padding=Padding(1, 1, 1, 1), scale=400.0)


WINDOWS = (
    ((1, 9, 9, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((2, 7, 8, 1), (5, 2), {"stride": (1, 2)}),
    ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 10, 4, 1), (10, 4), {"padding": Padding(4, 5, 1, 1)}),
    ((1, 2, 2, 5), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
)


@needs_avx2
@pytest.mark.parametrize(("x", "kernel", "changes"), WINDOWS)
def test_windows(x: tuple, kernel: tuple[int, int], changes: dict) -> None:
    conv(x, 20, kernel, **changes)


@needs_avx2
@pytest.mark.parametrize("zero", [-128, -1, 3, 127])
@pytest.mark.parametrize("zeros", [(-128, 127), (127, -128)])
def test_zero_points_at_both_ends(zero: int, zeros: tuple[int, int]) -> None:
    conv((1, 5, 5, 7), 17, (3, 3), zero, zeros=zeros, padding=Padding(1, 1, 1, 1))


@needs_avx2
@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
@pytest.mark.parametrize("zero", [None, 4])
@pytest.mark.parametrize("scale", [0.004, 30.0])
def test_roundings_and_left_shifts(numerics, zero: int | None, scale: float) -> None:
    conv((1, 3, 5, 9), 18, (1, 1), zero, numerics=numerics, scale=scale)


@needs_avx2
def test_activation_clamps() -> None:
    conv((1, 4, 4, 12), 16, (1, 1), scale=0.1, activation=Activation.RELU6)


@needs_avx2
@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize(("depth", "out"), [(1, 1), (64, 10), (65, 12), (250, 40), (16, 1001)])
@pytest.mark.parametrize("zero", [None, 9])
def test_fully_connected(rows: int, depth: int, out: int, zero: int | None) -> None:
    rng = np.random.default_rng(depth)
    found = tensors(
        rng, (rows, depth), weights(rng, (out, depth), 0, zero), (rows, out), scale=30.0
    )
    for numerics in ("gemmlowp", "tflite-ref"):
        check(FullyConnected(**IO), found, "fully_connected_s8", rng, numerics)


sizes = st.integers(1, 70)


@given(channels=sizes, window=sizes, tile=st.sampled_from(TILES), wide=st.booleans())
def test_every_weight_is_packed_at_its_place(
    channels: int, window: int, tile: Tile, wide: bool
) -> None:
    w = np.random.default_rng(channels).integers(-255 if wide else -128, 128, (channels, window))
    w[0, 0] = -255 if wide else 0
    packed = packed_weights(w, tile).view("<i2" if wide else np.int8)
    starts = panel_starts(max(channels, tile.channels), tile)
    panels = packed.reshape(len(starts), -1, tile.channels, 2).transpose(0, 2, 1, 3)
    for start, panel in zip(starts, panels.reshape(len(starts), tile.channels, -1), strict=True):
        rows = w[start : start + tile.channels]
        np.testing.assert_array_equal(panel[: len(rows), :window], rows)
        assert not panel[len(rows) :].any() and not panel[:, window:].any()


@given(pixels=st.integers(1, 5000), channels=st.integers(1, 2000))
def test_tiles_fit(pixels: int, channels: int) -> None:
    tile = tile_of(pixels, channels)
    assert tile.pixels <= pixels
    assert tile.channels <= max(channels, 8)
    assert (tile.pixels + 1) * tile.vectors + 1 <= 16
