"""VNNI convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.x86_vnni.product import (
    SUMS,
    TILES,
    Tile,
    packed_weights,
    tile_of,
    vector_starts,
)
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.targets import Target
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case
from tests.kernels.x86_vnni.forms import check, each_form, needs_avx2

POINTWISE = "x86_vnni/pointwise_conv2d_s8"
CONV = "x86_vnni/conv2d_s8"
FULL = "x86_vnni/fully_connected_s8"
SAME = Padding(1, 1, 1, 1)


@needs_avx2
@each_form
def test_pointwise_sizes_round_the_tile(form: Target) -> None:
    sizes = [(out, 1 + out % 9) for out in (1, 7, 15, 16, 17, 31, 33, 40, 64, 65, 100)]
    sizes += [(24, 13), (48, 4), (64, 5), (80, 7), (130, 16)]
    check((conv_case((1, 1, px, 10), out, (1, 1), row=POINTWISE) for out, px in sizes), form)


@needs_avx2
@each_form
def test_depths_round_four_codes_and_the_vector(form: Target) -> None:
    depths = (1, 2, 3, 4, 5, 7, 63, 64, 65, 67, 130)
    cases = [conv_case((1, 3, 3, d), 19, (1, 1), zero=d % 3 - 1, row=POINTWISE) for d in depths]
    cases += [conv_case((2, 4, 5, d), 16, (3, 3), padding=SAME, row=CONV) for d in depths[:8]]
    check(cases, form)


@needs_avx2
@each_form
def test_several_blocks_and_strips(form: Target) -> None:
    cases = (
        conv_case((1, 40, 31, 60), 24, (1, 1), row=POINTWISE),
        conv_case((1, 40, 31, 60), 24, (1, 1), zero=3, row=POINTWISE),
        conv_case((2, 33, 13, 160), 8, (3, 3), padding=SAME, scale=400.0, row=CONV),
        conv_case((1, 31, 14, 160), 17, (3, 3), zero=-7, padding=SAME, scale=400.0, row=CONV),
    )
    check(cases, form)


WINDOWS = (
    ((1, 9, 9, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((2, 7, 8, 1), (5, 2), {"stride": (1, 2)}),
    ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 10, 4, 1), (10, 4), {"padding": Padding(4, 5, 1, 1)}),
    ((1, 2, 2, 5), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
    ((1, 1, 1, 3), (7, 7), {"padding": Padding(3, 3, 3, 3)}),
    ((1, 3, 30, 2), (2, 2), {"stride": (3, 1), "padding": Padding(0, 0, 5, 9)}),
    ((1, 12, 16, 8), (3, 3), {"padding": SAME}),
)


@needs_avx2
@each_form
def test_windows(form: Target) -> None:
    cases = [conv_case(x, 20, k, row=CONV, **changes) for x, k, changes in WINDOWS]
    cases += [conv_case(x, 36, k, zero=5, row=CONV, **changes) for x, k, changes in WINDOWS]
    check(cases, form)


@needs_avx2
@each_form
@pytest.mark.parametrize("zeros", [(-128, 127), (127, -128)])
def test_zero_points_at_both_ends_and_extreme_weights(form: Target, zeros: tuple) -> None:
    options = {"zeros": zeros, "padding": SAME, "row": CONV}
    cases = [conv_case((1, 4, 5, 7), 17, (3, 3), zero=z, **options) for z in (-128, -1, 3, 127)]
    cases += [
        conv_case((1, 4, 5, 70), 17, (3, 3), zero=z, extreme=True, scale=900.0, **options)
        for z in (None, -128, 127)
    ]
    check(cases, form)


@needs_avx2
@each_form
def test_roundings_and_left_shifts(form: Target) -> None:
    cases = [
        conv_case((1, 3, 5, 9), out, (1, 1), zero=zero, numerics=n, scale=scale, row=POINTWISE)
        for n in ROUNDINGS
        for out, zero in ((18, None), (5, 4))
        for scale in (0.004, 0.3, 30.0)
    ]
    check(cases, form)


@needs_avx2
@each_form
def test_activation_clamps(form: Target) -> None:
    options = {"activation": Activation.RELU6, "row": POINTWISE}
    cases = [
        conv_case((1, 4, 4, 12), 16, (1, 1), scale=scale, zeros=zeros, numerics=n, **options)
        for n in ROUNDINGS
        for scale, zeros in ((0.1, (-3, 5)), (2.0, (0, -128)))
    ]
    check(cases, form)


@needs_avx2
@each_form
def test_fully_connected(form: Target) -> None:
    sizes = ((1, 1, 1), (1, 64, 10), (1, 65, 12), (2, 250, 40), (7, 16, 150), (1, 16, 1001))
    cases = [
        fully_connected_case(rows, depth, out, zero=zero, numerics=numerics, row=FULL)
        for rows, depth, out in sizes
        for zero in (None, 9)
        for numerics in ("gemmlowp", "tflite-ref")
    ]
    check(cases, form)


sizes = st.integers(1, 70)


@given(
    channels=sizes, runs=st.integers(1, 4), places=st.integers(1, 9), tile=st.sampled_from(TILES)
)
def test_every_weight_is_packed_at_its_place(
    channels: int, runs: int, places: int, tile: Tile
) -> None:
    rng = np.random.default_rng(channels)
    w = rng.integers(-128, 128, (channels, runs, places))
    filled = -(-places // 4) * 4
    panels = packed_weights(w, tile).reshape(-1, runs, filled // 4, tile.vectors, 16, 4)
    vectors = panels.transpose(0, 3, 4, 1, 2, 5).reshape(-1, 16, runs, filled)
    for start, vector in zip(vector_starts(channels, tile), vectors, strict=True):
        rows = w[start : start + 16]
        np.testing.assert_array_equal(vector[: len(rows), :, :places], rows)
        assert not vector[len(rows) :].any() and not vector[..., places:].any()


@given(pixels=st.integers(1, 5000), channels=st.integers(1, 2000), quads=st.integers(1, 999))
def test_tiles_fit(pixels: int, channels: int, quads: int) -> None:
    tile = tile_of(pixels, channels, quads)
    assert tile.pixels <= pixels
    assert tile.vectors <= -(-channels // 16)
    assert tile.pixels * tile.vectors <= SUMS
