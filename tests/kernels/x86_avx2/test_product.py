"""AVX2 convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.x86_avx2.product import TILES, Tile, packed_weights, panel_starts, tile_of
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case
from tests.kernels.x86_avx2.layers import check, needs_avx2

POINTWISE = "x86_avx2/pointwise_conv2d_s8"
CONV = "x86_avx2/conv2d_s8"
FULL = "x86_avx2/fully_connected_s8"
SAME = Padding(1, 1, 1, 1)


@needs_avx2
def test_pointwise_sizes_round_the_tile() -> None:
    check(
        conv_case((1, 1, pixels, 10), out, (1, 1), row=POINTWISE)
        for out in (1, 7, 8, 9, 15, 16, 17, 24, 33, 35, 72)
        for pixels in (1, 5 + out % 3, 15)
    )


@needs_avx2
def test_depths_round_the_vector() -> None:
    depths = (1, 2, 3, 8, 15, 16, 17, 31, 35, 64, 257)
    cases = [conv_case((1, 3, 3, d), 19, (1, 1), zero=d % 3 - 1, row=POINTWISE) for d in depths]
    cases += [conv_case((2, 4, 5, d), 16, (3, 3), padding=SAME, row=CONV) for d in depths]
    check(cases)


@needs_avx2
def test_several_blocks_of_pixels() -> None:
    check(
        (
            conv_case((1, 40, 31, 24), 24, (1, 1), row=POINTWISE),
            conv_case((1, 40, 31, 24), 24, (1, 1), zero=3, row=POINTWISE),
            conv_case((1, 12, 13, 160), 8, (3, 3), padding=SAME, scale=400.0, row=CONV),
            conv_case((1, 12, 13, 160), 8, (3, 3), zero=-7, padding=SAME, scale=400.0, row=CONV),
        )
    )


WINDOWS = (
    ((1, 9, 9, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((2, 7, 8, 1), (5, 2), {"stride": (1, 2)}),
    ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 10, 4, 1), (10, 4), {"padding": Padding(4, 5, 1, 1)}),
    ((1, 2, 2, 5), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
)


@needs_avx2
def test_windows() -> None:
    check(
        conv_case(x, 20, kernel, zero=zero, row=CONV, **changes)
        for x, kernel, changes in WINDOWS
        for zero in (None, 5)
    )


@needs_avx2
def test_zero_points_at_both_ends_and_extreme_weights() -> None:
    check(
        conv_case((1, 5, 5, 7), 17, (3, 3), zero=z, zeros=zeros, padding=SAME, extreme=e, row=CONV)
        for zeros in ((-128, 127), (127, -128))
        for z, e in ((-128, True), (-1, False), (3, False), (127, True), (None, True))
    )


@needs_avx2
def test_roundings_and_left_shifts() -> None:
    check(
        conv_case((1, 3, 5, 9), out, (1, 1), zero=zero, numerics=n, scale=scale, row=POINTWISE)
        for n in ROUNDINGS
        for out, zero in ((26, None), (5, 4))
        for scale in (0.004, 0.3, 30.0)
    )


@needs_avx2
def test_activation_clamps() -> None:
    check(
        conv_case(
            (1, 4, 4, 12), 16, (1, 1), scale=scale, zeros=zeros, numerics=n, row=POINTWISE, **relu
        )
        for n in ROUNDINGS
        for relu in ({"activation": Activation.RELU6},)
        for scale, zeros in ((0.1, (-3, 5)), (2.0, (0, -128)))
    )


@needs_avx2
def test_fully_connected() -> None:
    check(
        fully_connected_case(rows, depth, out, zero=zero, numerics=numerics, row=FULL)
        for rows, depth, out in ((1, 1, 1), (2, 64, 10), (7, 65, 12), (3, 900, 5), (1, 16, 1001))
        for zero in (None, 9)
        for numerics in ("gemmlowp", "tflite-ref")
    )


sizes = st.integers(1, 70)


@given(
    channels=sizes,
    runs=st.integers(1, 4),
    places=st.integers(1, 9),
    tile=st.sampled_from(TILES),
    wide=st.booleans(),
)
def test_every_weight_is_packed_at_its_place(
    channels: int, runs: int, places: int, tile: Tile, wide: bool
) -> None:
    rng = np.random.default_rng(channels)
    w = rng.integers(-255 if wide else -128, 128, (channels, runs, places))
    filled = places + places % 2
    pairs = packed_weights(w, tile).reshape(-1, runs, filled // 2, tile.channels, 2)
    panels = pairs.transpose(0, 3, 1, 2, 4).reshape(-1, tile.channels, runs, filled)
    starts = panel_starts(max(channels, tile.channels), tile)
    for start, panel in zip(starts, panels, strict=True):
        rows = w[start : start + tile.channels]
        np.testing.assert_array_equal(panel[: len(rows), :, :places], rows)
        assert not panel[len(rows) :].any() and not panel[..., places:].any()


@given(pixels=st.integers(1, 5000), channels=st.integers(1, 2000), row=st.integers(0, 40))
def test_tiles_fit(pixels: int, channels: int, row: int) -> None:
    tile = tile_of(pixels, channels, row)
    assert tile.pixels <= pixels
    assert tile.channels <= max(channels, 8)
    assert (tile.pixels + 1) * tile.vectors + 1 <= 15
