"""HVX convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.hvx.tiles import DEEP, GROUP_PIXELS, Tile, group_of, packed_weights, tile_of
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.plan.select import select
from edgeq.targets import Target
from tests.kernel_harness import one_op_graph
from tests.kernels.hvx.forms import MODEL, check, check_inside, each_form
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

POINTWISE = "hvx/pointwise_conv2d_s8"
CONV = "hvx/conv2d_s8"
FULL = "hvx/fully_connected_s8"
SAME = Padding(1, 1, 1, 1)
INTEGER = ROUNDINGS[:3]


@each_form
def test_pointwise_sizes_round_the_tile(form: Target) -> None:
    sizes = [(out, 1 + out % 9) for out in (1, 7, 31, 32, 33, 64, 65, 96, 100, 127, 128, 129)]
    sizes += [(24, 13), (32, 12), (64, 10), (160, 9), (200, 7), (256, 5), (290, 1)]
    check((conv_case((1, 1, px, 24), out, (1, 1), row=POINTWISE) for out, px in sizes), form)


@each_form
def test_depths_round_eight_codes_and_the_vector(form: Target) -> None:
    depths = (1, 2, 7, 8, 9, 15, 16, 120, 127, 128, 129, 136, 260)
    cases = [conv_case((1, 3, 4, d), 19, (1, 1), zero=d % 3 - 1, row=POINTWISE) for d in depths]
    cases += [conv_case((2, 4, 5, d), 16, (3, 3), padding=SAME, row=CONV) for d in depths[:8]]
    check(cases, form)


@each_form
def test_several_groups_and_strips(form: Target) -> None:
    cases = (
        conv_case((1, 13, 11, 40), 24, (1, 1), row=POINTWISE),
        conv_case((1, 13, 11, 40), 140, (1, 1), zero=3, row=POINTWISE),
        conv_case((2, 33, 13, 88), 8, (3, 3), padding=SAME, scale=400.0, row=CONV),
        conv_case((1, 31, 14, 88), 17, (3, 3), zero=-7, padding=SAME, scale=400.0, row=CONV),
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
    ((2, 9, 7, 8), (3, 2), {"stride": (2, 1), "dilation": (2, 2), "padding": SAME}),
    ((1, 5, 6, 136), (2, 3), {"stride": (1, 2), "padding": Padding(0, 1, 2, 0)}),
    ((1, 2, 2, 16), (3, 3), {"padding": SAME}),
)


@each_form
def test_windows(form: Target) -> None:
    cases = [conv_case(x, 20, k, row=CONV, **changes) for x, k, changes in WINDOWS]
    cases += [conv_case(x, 136, k, zero=5, row=CONV, **changes) for x, k, changes in WINDOWS]
    check(cases, form)


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


@each_form
def test_roundings_and_left_shifts(form: Target) -> None:
    cases = [
        conv_case((1, 3, 5, 9), out, (1, 1), zero=zero, numerics=n, scale=scale, row=POINTWISE)
        for n in INTEGER
        for out, zero in ((18, None), (5, 4))
        for scale in (0.004, 0.3, 30.0)
    ]
    check(cases, form)


@each_form
@pytest.mark.parametrize(("shape", "out"), [((1, 9, 20, 16), 40), ((2, 11, 7, 136), 33)])
def test_codes_in_the_arena_are_read_in_place(form: Target, shape: tuple, out: int) -> None:
    compiled = check_inside(conv_case(shape, out, (1, 1), row=POINTWISE), form)
    assert "windows = copied" in compiled.files["src/layer.c"]


@each_form
def test_activation_clamps(form: Target) -> None:
    options = {"activation": Activation.RELU6, "row": POINTWISE}
    cases = [
        conv_case((1, 4, 4, 12), 16, (1, 1), scale=scale, zeros=zeros, numerics=n, **options)
        for n in INTEGER
        for scale, zeros in ((0.1, (-3, 5)), (2.0, (0, -128)))
    ]
    check(cases, form)


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


def test_floats_have_no_vectors() -> None:
    case = conv_case((1, 3, 5, 9), 8, (1, 1), numerics=ROUNDINGS[3])
    [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
    row = select(op, io, MODEL.isas)
    assert row is not None and row.id == "portable/conv2d_s8"


sizes = st.integers(1, 300)


@given(channels=sizes, depth=st.integers(1, 40), pixels=st.integers(1, 20))
def test_every_weight_is_packed_at_its_place(channels: int, depth: int, pixels: int) -> None:
    w = np.random.default_rng(channels).integers(-128, 128, (channels, depth))
    tile = tile_of(pixels, channels, depth)
    filled = -(-depth // DEEP) * DEEP
    packed = packed_weights(w, tile)
    cut = tile.blocks * 128 * filled
    parts = [(packed[:cut], 4, tile.blocks), (packed[cut:], tile.rest, 1)]
    rows = [
        part.reshape(count, filled // 4, vectors, 32, 4).transpose(0, 2, 3, 1, 4)
        for part, vectors, count in parts
        if part.size
    ]
    found = np.concatenate([each.reshape(-1, filled) for each in rows]).astype(int)
    np.testing.assert_array_equal(found[:channels, :depth], w + 128)
    assert not found[channels:].any() and not found[:, depth:].any()


@given(pixels=st.integers(1, 5000), channels=st.integers(1, 2000), depth=st.integers(1, 5000))
def test_tiles_and_groups_fit(pixels: int, channels: int, depth: int) -> None:
    tile = tile_of(pixels, channels, depth)
    assert tile.pixels <= pixels
    assert 0 <= tile.vectors * 32 - channels < 32
    group = group_of(pixels, tile, -(-depth // DEEP) * DEEP)
    assert tile.pixels <= group <= min(pixels, GROUP_PIXELS)


def test_a_tile_is_large_where_there_is_work_for_it() -> None:
    assert tile_of(196, 512, 512) == Tile(4, 4, 0)
    assert tile_of(196, 64, 384).pixels == 8
