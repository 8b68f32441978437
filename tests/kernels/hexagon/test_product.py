"""Scalar Hexagon convolution and fully connected layers: on the emulated DSP, and in plain C."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.kernels.hexagon.product import padded_weights
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.targets import Target
from edgeq.targets.hexagon import HEXAGON
from tests.kernel_harness import QUICK, WARNINGS, Case, check_layers
from tests.kernels.hvx.forms import TRAPS, strict
from tests.kernels.neon.layers import ROUNDINGS, conv_case, fully_connected_case

POINTWISE = "hexagon/pointwise_conv2d_s8"
CONV = "hexagon/conv2d_s8"
FULL = "hexagon/fully_connected_s8"
SAME = Padding(1, 1, 1, 1)
PLAIN = replace(QUICK, isas=("hexagon", "portable"), cflags=("-O1", *TRAPS, *WARNINGS))
FORMS = {"qemu": strict(HEXAGON), "plain": PLAIN}

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def check(cases: Iterable[Case], form: Target) -> None:
    check_layers(tuple(cases), form)


@each_form
def test_sizes_round_the_tile(form: Target) -> None:
    sizes = ((1, 1), (1, 2), (2, 3), (3, 4), (8, 5), (9, 7))
    cases = [
        conv_case((1, 1, px, depth), out, (1, 1), zero=zero, row=POINTWISE)
        for out, px in sizes
        for depth, zero in ((1, None), (8, 3), (17, None))
    ]
    cases += [conv_case((1, 9, 9, 300), 6, (1, 1), row=POINTWISE)]
    check(cases, form)


WINDOWS = (
    ((1, 9, 9, 3), (3, 3), {"stride": (2, 2), "padding": Padding(0, 1, 0, 1)}),
    ((2, 7, 8, 1), (5, 2), {"stride": (1, 2)}),
    ((1, 9, 9, 4), (3, 3), {"dilation": (2, 2), "padding": Padding(2, 2, 2, 2)}),
    ((1, 2, 2, 5), (3, 3), {"padding": Padding(2, 2, 2, 2)}),
    ((1, 8, 8, 6), (1, 1), {"stride": (2, 2)}),
    ((1, 3, 30, 2), (2, 2), {"stride": (3, 1), "padding": Padding(0, 0, 5, 9)}),
    ((1, 33, 13, 40), (3, 3), {"padding": SAME}),
)


@each_form
def test_windows(form: Target) -> None:
    cases = [conv_case(x, 7, k, row=CONV, **changes) for x, k, changes in WINDOWS]
    cases += [conv_case(x, 6, k, zero=5, row=CONV, **changes) for x, k, changes in WINDOWS]
    check(cases, form)


@each_form
@pytest.mark.parametrize("zeros", [(-128, 127), (127, -128)])
def test_zero_points_at_both_ends_and_extreme_weights(form: Target, zeros: tuple) -> None:
    options = {"zeros": zeros, "padding": SAME, "row": CONV}
    cases = [conv_case((1, 4, 5, 7), 5, (3, 3), zero=z, **options) for z in (-128, -1, 3, 127)]
    cases += [
        conv_case((1, 4, 5, 70), 5, (3, 3), zero=z, extreme=True, scale=900.0, **options)
        for z in (None, -128, 127)
    ]
    check(cases, form)


@each_form
def test_roundings_left_shifts_and_clamps(form: Target) -> None:
    cases = [
        conv_case((1, 3, 5, 9), 6, (1, 1), zero=zero, numerics=n, scale=scale, row=POINTWISE, **o)
        for n in ROUNDINGS
        for zero, o in ((None, {}), (4, {"activation": Activation.RELU6}))
        for scale in (0.004, 0.3, 30.0)
    ]
    check(cases, form)


@each_form
def test_fully_connected(form: Target) -> None:
    cases = [
        fully_connected_case(rows, depth, out, zero=zero, numerics=numerics, row=FULL)
        for rows, depth, out in ((1, 1, 1), (1, 64, 10), (2, 250, 41), (7, 16, 15))
        for zero in (None, 9)
        for numerics in ("gemmlowp", "tflite-ref")
    ]
    check(cases, form)


@given(channels=st.integers(1, 20), depth=st.integers(1, 40))
def test_every_weight_is_at_its_place(channels: int, depth: int) -> None:
    w = np.random.default_rng(channels).integers(-128, 128, (channels, depth))
    rows = padded_weights(w).reshape(channels, -1).astype(int)
    np.testing.assert_array_equal(rows[:, :depth], w + 128)
    assert rows.shape[1] % 8 == 0 and not rows[:, depth:].any()
