"""Dot product convolution and fully connected kernels against the reference, round their tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.ir.quant import Requant, Rounding
from edgeq.kernels.aarch64_dotprod.layout import packed_weights
from edgeq.kernels.aarch64_dotprod.tiles import (
    LANES,
    Window,
    heights,
    panel_choices,
    panels_of,
    tall_pixels,
    tallest,
)
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from tests.kernel_harness import Case, check_layers
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

TARGET = "aarch64-dotprod"


def conv(x: tuple[int, ...], out: int, kernel: tuple[int, int] = (1, 1), **options) -> Case:
    return conv_case(x, out, kernel, row="aarch64_dotprod/conv2d_s8", **options)


def dense(rows: int, depth: int, out: int, **options) -> Case:
    row = "aarch64_dotprod/fully_connected_s8"
    return fully_connected_case(rows, depth, out, row=row, **options)


def test_pixels_around_the_tiles() -> None:
    check_layers([conv((1, 1, n, 20), 16) for n in (*range(1, 12), 19, 24, 49)], TARGET)


def test_channels_around_the_panels() -> None:
    channels = (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 20, 23, 24, 31, 33, 40, 63, 65)
    check_layers([conv((1, 3, 3, 16), n) for n in channels], TARGET)


def test_depths_around_the_steps() -> None:
    depths = (1, 2, 3, 4, 5, 8, 11, 12, 13, 15, 16, 17, 20, 24, 27, 28, 31, 32, 33, 48, 49, 65, 80)
    check_layers([conv((1, 2, 5, n), 20) for n in depths], TARGET)


def test_weights_with_a_zero_point() -> None:
    cases = [
        conv((1, 5, 5, depth), 17, zero=zero, zeros=zeros, extreme=True)
        for depth in (3, 8, 16, 35)
        for zero in (-128, -1, 127)
        for zeros in ((-128, 127), (127, -128))
    ]
    check_layers(cases, TARGET)


def test_several_blocks_of_pixels() -> None:
    cases = [
        conv((1, 40, 31, 24), 24),
        conv((1, 27, 29, 64), 8, zero=7),
        conv((1, 12, 13, 160), 8, (3, 3), padding=Padding(1, 1, 1, 1), scale=400.0),
    ]
    check_layers(cases, TARGET)


def test_windows() -> None:
    around = Padding(1, 1, 1, 1)
    cases = [
        conv((1, 9, 9, 3), 20, (3, 3), stride=(2, 2), padding=Padding(0, 1, 0, 1)),
        conv((1, 9, 11, 3), 8, (3, 3), stride=(2, 2), padding=Padding(0, 1, 0, 1), zero=3),
        conv((2, 7, 8, 1), 20, (5, 2), stride=(1, 2)),
        conv((1, 9, 9, 4), 12, (3, 3), dilation=(2, 2), padding=Padding(2, 2, 2, 2)),
        conv((1, 10, 4, 1), 20, (10, 4), padding=Padding(4, 5, 1, 1)),
        conv((1, 2, 2, 5), 20, (3, 3), padding=Padding(2, 2, 2, 2)),
        conv((1, 8, 8, 6), 20, stride=(2, 2)),
        conv((1, 8, 8, 16), 16, (3, 3), padding=around),
        conv((2, 7, 6, 17), 9, (3, 3), padding=around, zero=-9),
        conv((1, 6, 6, 1), 4, (3, 3), padding=around),
    ]
    check_layers(cases, TARGET)


def test_windows_read_where_they_are() -> None:
    """Few channels: windows are not copied; runs of codes end where a vector does not."""
    around = Padding(1, 1, 1, 1)
    cases = [
        conv((2, 9, 11, 3), 8, (3, 3), stride=(2, 2), padding=Padding(0, 1, 0, 1), zero=3),
        conv((1, 150, 40, 3), 8, (3, 3), padding=around),
        conv((1, 11, 10, 5), 8, (3, 3), padding=around, zero=-7, extreme=True),
        conv((1, 13, 14, 16), 8, (3, 3), padding=around),
        conv((1, 12, 9, 17), 4, (2, 4), dilation=(3, 1), padding=Padding(2, 0, 1, 3)),
        conv((1, 9, 30, 33), 8, (3, 3), stride=(2, 3), padding=around, zero=100),
        conv((1, 7, 12, 4), 3, (5, 5), padding=Padding(2, 2, 2, 2)),
        conv((1, 20, 20, 12), 16, (4, 4)),
    ]
    compiled = check_layers(cases, TARGET)
    sources = "".join(text for text in compiled.files.values() if isinstance(text, str))
    assert sources.count("* STRIDE_H * STRIP_W;") == len(cases)


@pytest.mark.parametrize("numerics", ROUNDINGS, ids=lambda n: n.name)
def test_roundings_shifts_and_clamps(numerics) -> None:
    cases = [
        conv((1, 3, 5, 9), 18, zero=zero, numerics=numerics, scale=scale, activation=activation)
        for zero in (None, 4)
        for scale in (0.004, 0.02, 0.1, 30.0)
        for activation in (Activation.NONE, Activation.RELU, Activation.RELU6)
    ]
    low = [
        conv((1, 4, 5, 24), 16, zeros=(0, -128), numerics=numerics, scale=s) for s in (2.0, 90.0)
    ]
    check_layers([*cases, *low], TARGET)


def test_fully_connected() -> None:
    cases = [
        dense(rows, depth, out, zero=zero)
        for rows in (1, 2, 7)
        for depth, out in ((1, 1), (64, 10), (65, 12), (250, 40), (16, 101))
        for zero in (None, 9)
    ]
    check_layers(cases, TARGET)


sizes = st.integers(1, 70)


@given(channels=sizes, depth=sizes, data=st.data())
def test_every_weight_is_packed_at_its_place(channels: int, depth: int, data) -> None:
    panels = data.draw(st.sampled_from(list(panel_choices(channels))))
    w = np.random.default_rng(channels).integers(-128, 128, (channels, depth))
    packed = packed_weights(w, panels)
    seen = np.zeros(channels, bool)
    at = 0
    for panel in panels:
        size = -(-depth // LANES) * LANES * panel.channels
        for i in range(panel.count):
            first = min(panel.first + i * panel.channels, max(0, channels - panel.channels))
            rows = packed[at : at + size].reshape(-1, panel.channels, LANES).transpose(1, 0, 2)
            found, wanted = rows.reshape(panel.channels, -1), w[first : first + panel.channels]
            np.testing.assert_array_equal(found[: len(wanted), :depth], wanted)
            assert not found[len(wanted) :].any() and not found[:, depth:].any()
            seen[first : first + panel.channels] = True
            at += size
    assert at == len(packed) and seen.all()


@given(pixels=st.integers(1, 400), height=st.integers(1, 13), rest=st.integers(1, 13))
def test_two_heights_cover_the_pixels(pixels: int, height: int, rest: int) -> None:
    tall = tall_pixels(pixels, height, rest)
    assert tall % height == 0 and 0 <= tall <= pixels


@given(pixels=st.integers(1, 5000), channels=st.integers(1, 2000), depth=st.integers(1, 600))
def test_tiles_fit_the_registers(pixels: int, channels: int, depth: int) -> None:
    for panel in panels_of(((1, pixels),), channels, Window(1, depth)):
        found = heights(((1, pixels),), panel.vectors, Window(1, depth))
        assert found.rest <= found.height <= min(pixels, tallest(panel.vectors))
        assert panel.channels <= max(channels + 3, LANES)


def test_only_a_clamp_at_the_zero_point_makes_roundings_equal() -> None:
    requant = Requant(Rounding.GEMMLOWP, (1 << 30,), (-3,))
    assert without_negatives(requant, -4, -4).rounding is Rounding.HALF_UP
    assert without_negatives(requant, -5, -4).rounding is Rounding.GEMMLOWP
    assert (
        without_negatives(Requant(Rounding.SINGLE, (1 << 30,), (-3,)), 0, 0).rounding
        is Rounding.SINGLE
    )
