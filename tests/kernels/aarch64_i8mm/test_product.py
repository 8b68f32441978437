"""Matrix multiply kernels of convolution and fully connected layers against the reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.aarch64_i8mm.panels import packed_weights, panel_starts
from edgeq.kernels.aarch64_i8mm.thin import eights, ordered_weights, steps_of
from edgeq.kernels.neon.common import neon_requant
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from tests.kernel_harness import check_layers, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

TARGET = "aarch64-i8mm"
CONV = "aarch64_i8mm/conv2d_s8"
LINES = "aarch64_i8mm/conv2d_lines_s8"
THIN = "aarch64_i8mm/conv2d_thin_s8"
TAPS = "aarch64_i8mm/conv2d_taps_s8"
FULLY_CONNECTED = "aarch64_i8mm/fully_connected_s8"
AROUND = Padding(1, 1, 1, 1)


def test_sizes_round_the_tile() -> None:
    outs = (1, 2, 7, 8, 9, 15, 16, 17, 24)
    cases = [
        conv_case((1, 1, pixels, 16), out, (1, 1), row=CONV)
        for pixels, out in [(p, 8) for p in range(2, 18)] + [(11, out) for out in outs]
    ]
    check_layers(cases, TARGET)


def test_depths_round_the_step() -> None:
    cases = []
    for depth in (8, 16, 24, 32, 40, 48, 56, 64, 72, 88, 136, 256):
        cases.append(conv_case((1, 3, 3, depth), 9, (1, 1), row=CONV))
        cases.append(conv_case((1, 3, 3, depth), 9, (1, 1), row=CONV, zero=7))
    check_layers(cases, TARGET)


def test_windows() -> None:
    shapes = (
        ((1, 5, 7, 8), (3, 3), {"padding": AROUND}),
        ((2, 6, 5, 16), (3, 3), {"padding": AROUND}),
        ((1, 9, 9, 24), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
        ((1, 9, 8, 8), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
        ((2, 4, 5, 8), (1, 1), {"stride": (2, 2)}),
        ((1, 3, 9, 40), (1, 7), {"padding": Padding(0, 0, 3, 3)}),
        ((1, 9, 3, 8), (7, 1), {"padding": Padding(3, 3, 0, 0)}),
        ((1, 2, 2, 8), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
        ((1, 7, 8, 8), (4, 2), {"stride": (1, 3)}),
        ((1, 9, 9, 8), (3, 3), {"dilation": (1, 2)}),
    )
    cases = [
        conv_case(x, 10, kernel, row=None if zero is None else TAPS, zero=zero, **changes)
        for x, kernel, changes in shapes
        for zero in (None, -5)
    ]
    check_layers(cases, TARGET)


def test_lines() -> None:
    same = {"padding": AROUND}
    shapes = [((1, 3, width, 16), (3, 3), same) for width in range(6, 19)]
    shapes += [
        ((2, 6, 8, 8), (3, 3), same),
        ((1, 9, 16, 24), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
        ((1, 7, 17, 16), (3, 3), {"stride": (2, 2)}),
        ((1, 12, 8, 8), (3, 3), {"dilation": (2, 1), "padding": Padding(2, 2, 1, 1)}),
        ((1, 3, 16, 8), (1, 7), {"padding": Padding(0, 0, 3, 3)}),
        ((1, 9, 8, 8), (5, 5), {"padding": Padding(2, 2, 2, 2)}),
        ((1, 5, 23, 8), (4, 6), {"stride": (1, 3)}),
        ((1, 3, 9, 8), (1, 9), {"padding": Padding(0, 0, 4, 4)}),
        ((1, 40, 16, 64), (3, 3), same),
        ((1, 2, 8, 136), (3, 3), same),
        ((2, 5, 16, 16), (3, 2), {"stride": (3, 1), "padding": Padding(2, 0, 0, 1)}),
    ]
    cases = [conv_case(x, 11, k, row=LINES, scale=100.0, **changes) for x, k, changes in shapes]
    cases.append(conv_case((1, 4, 8, 8), 3, (3, 3), row=LINES, zeros=(-128, 127), **same))
    check_layers(cases, TARGET)


def test_any_window() -> None:
    shapes = (
        ((1, 9, 11, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
        ((2, 7, 10, 1), (5, 2), {"stride": (1, 2)}),
        ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
        ((1, 12, 6, 1), (10, 4), {"stride": (2, 2), "padding": Padding(4, 5, 1, 1)}),
        ((1, 4, 3, 20), (3, 3), {"padding": AROUND}),
        ((2, 5, 4, 12), (1, 1), {}),
        ((1, 3, 3, 3), (1, 1), {}),
        ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
        ((1, 40, 31, 9), (2, 2), {}),
        ((1, 8, 8, 3), (7, 7), {"stride": (2, 2), "padding": Padding(3, 3, 3, 3)}),
    )
    cases = [
        conv_case(x, 10, kernel, row=CONV, zero=zero, **changes)
        for x, kernel, changes in shapes
        for zero in (None, 11)
    ]
    check_layers(cases, TARGET)


def test_few_channels() -> None:
    shapes = (
        ((1, 9, 12, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
        ((2, 5, 6, 3), (3, 3), {"padding": AROUND}),
        ((1, 12, 8, 1), (10, 4), {"stride": (2, 2), "padding": Padding(4, 5, 1, 1)}),
        ((1, 9, 10, 1), (5, 5), {}),
        ((2, 7, 14, 1), (7, 7), {"padding": Padding(3, 3, 3, 3)}),
        ((1, 6, 6, 4), (3, 3), {"padding": AROUND}),
        ((1, 9, 8, 2), (3, 3), {"dilation": (2, 1)}),
        ((1, 6, 8, 5), (2, 1), {}),
        ((1, 61, 68, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 0, 1, 0)}),
        ((1, 4, 34, 3), (3, 3), {"stride": (2, 2)}),
        ((1, 5, 16, 2), (4, 4), {"padding": Padding(2, 1, 1, 2)}),
    )
    cases = [
        conv_case(x, out, kernel, row=THIN, zero=zero, **changes)
        for x, kernel, changes in shapes
        for zero, out in ((None, 8), (11, 10))
    ]
    check_layers(cases, TARGET)


def test_several_blocks_of_pixels() -> None:
    cases = [
        conv_case((1, 23, 20, 64), 12, (1, 1), row=CONV),
        conv_case((1, 5, 9, 512), 8, (1, 1), row=CONV, zero=3),
        conv_case((1, 13, 13, 64), 8, (3, 3), row=TAPS, zero=1, padding=AROUND, scale=200.0),
        conv_case((1, 41, 39, 3), 16, (3, 3), row=CONV, stride=(2, 2)),
    ]
    check_layers(cases, TARGET)


def test_zero_points_at_both_ends() -> None:
    images = (((1, 3, 5, 8), TAPS), ((1, 4, 4, 3), THIN), ((1, 3, 3, 3), CONV))
    cases = [
        conv_case(x, 9, (3, 3), row=row, zero=zero, zeros=zeros, padding=AROUND)
        for zero in (-128, -1, 127)
        for zeros in ((-128, 127), (127, -128))
        for x, row in images
    ]
    check_layers(cases, TARGET)


def test_extreme_weights() -> None:
    cases = [
        conv_case((1, 3, 3, 40), 9, (1, 1), row=CONV, zero=zero, scale=1000.0, extreme=True)
        for zero in (None, -128, 127)
    ]
    cases.append(
        conv_case((1, 4, 8, 40), 8, (3, 3), row=LINES, scale=9000.0, extreme=True, padding=AROUND)
    )
    check_layers(cases, TARGET)


def test_roundings_and_left_shifts() -> None:
    # Factors of 0.1 to 5, of 0.5 to 1 at most, and below 0.5.
    cases = [
        conv_case(
            (1, 1, pixels, 16), 10, (1, 1), row=CONV, zero=zero, numerics=numerics, scale=scale
        )
        for numerics in ROUNDINGS
        for pixels, zero in ((3, None), (9, 4))
        for scale in (0.004, 0.025, 30.0)
    ]
    cases += [
        conv_case(
            (1, 2, 9, 8), 10, (3, 3), row=LINES, numerics=numerics, scale=scale, padding=AROUND
        )
        for numerics in ROUNDINGS
        for scale in (0.004, 0.025, 30.0)
    ]
    check_layers(cases, TARGET)


def test_factors_of_which_some_are_a_half_or_more() -> None:
    layer = conv_case((1, 2, 3, 16), 40, (1, 1), row=CONV, scale=0.025)
    graph = one_op_graph(layer.op, layer.tensors)
    requant = graph.ops[0].arithmetic.requant
    assert max(requant.shift) == 0 > min(requant.shift)
    flag = neon_requant(requant, 40).flag
    assert (flag.rounding, flag.form) == ("gemmlowp_unshifted", "q6")
    check_layers([layer], TARGET)


def test_activation_clamps() -> None:
    cases = [
        conv_case((1, 4, 4, 16), out, (1, 1), row=CONV, scale=0.1, activation=Activation.RELU6)
        for out in (5, 16)
    ]
    check_layers(cases, TARGET)


def test_fully_connected_rows() -> None:
    cases = [
        fully_connected_case(rows, depth, out, row=FULLY_CONNECTED, zero=zero)
        for rows in (2, 9)
        for depth, out in ((8, 1), (64, 10), (65, 12), (5, 8))
        for zero in (None, 9)
    ]
    check_layers(cases, TARGET)


def test_one_pixel_is_left_to_other_kernels() -> None:
    graph = check_layers([conv_case((1, 1, 1, 16), 8, (1, 1))], TARGET)
    assert not graph.program.calls[0].kernel.startswith("aarch64_i8mm")


@given(channels=st.integers(1, 40), steps=st.integers(1, 9), short=st.integers(0, 7))
def test_every_weight_is_packed_at_its_place(channels: int, steps: int, short: int) -> None:
    w = np.random.default_rng(channels).integers(-128, 128, (channels, 8 * steps - short))
    starts = panel_starts(channels)
    packed = packed_weights(w, 8 * steps).reshape(len(starts), steps, 8, 8)
    for start, panel in zip(starts, packed.transpose(0, 2, 1, 3), strict=True):
        rows = w[start : start + 8]
        flat = panel.reshape(8, -1)
        np.testing.assert_array_equal(flat[: len(rows), : w.shape[1]], rows)
        assert not flat[len(rows) :].any() and not flat[:, w.shape[1] :].any()


@given(height=st.integers(1, 12), run=st.integers(1, 15), apart=st.integers(1, 15))
def test_every_place_of_two_windows_is_looked_up(height: int, run: int, apart: int) -> None:
    apart = min(apart, 16 - run)
    found = steps_of(height, run, apart)
    image = np.arange(1, 16 * height + 1).reshape(height, 16)
    both = []
    for step in found.steps:
        table = image[step.first : step.first + step.count].ravel()
        order = np.array(found.orders[step.order])
        assert step.count <= 4
        both.append(np.append(table, 0)[order])
    places = np.array(found.places)
    assert sorted(places[places >= 0]) == list(range(height * run))
    for window, start in enumerate((0, apart)):
        got = np.concatenate([step[8 * window : 8 * window + 8] for step in both])
        flat = image[:, start : start + run].ravel()
        np.testing.assert_array_equal(got, np.where(places >= 0, flat[places], 0))
    weights = ordered_weights(np.ones((1, height * run)), places)
    np.testing.assert_array_equal(weights[0], places >= 0)
    assert sum(map(len, eights(height, run))) == height * run
