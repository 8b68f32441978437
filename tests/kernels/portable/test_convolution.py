from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.ir.quant import Rounding
from edgeq.kernels.portable.convolution import FILL_BYTES, ROWS, channel_block, filled_window
from edgeq.ops.activation import Activation
from tests.kernels.portable import convolution_cases as cases
from tests.kernels.portable.convolution_cases import (
    DEPTHWISE,
    GROUPED,
    Layer,
    check_layers,
    conv,
    depthwise,
    fully,
    geometry,
)

PIXELS = (1, 2, 3, 4, 5, 7, 8, 9)
CHANNELS = (1, 2, 3, 4, 5, 63, 64, 65, 66, 127, 129)
# Around what is filled to 16, and around 128, where fewer channels go together.
WINDOWS = (1, 2, 15, 16, 17, 27, 31, 32, 33, 111, 112, 113, 127, 128, 129, 143, 145)


def test_these_are_all_rows() -> None:
    known = {cases.CONV, GROUPED, cases.TAPS, DEPTHWISE, cases.FULLY}
    assert {row.id for row in ROWS} == known


def test_numbers_of_pixels() -> None:
    check_layers([conv((1, 1, n, 5), (6, 1, 1, 5)) for n in PIXELS])
    check_layers(
        [conv((1, n, 1, 3), (5, 3, 3, 3), **geometry((1, 1), (1, 1), 1, 1, 1, 1)) for n in PIXELS]
    )
    check_layers([depthwise((1, 1, n, 5), (1, 1, 1, 5)) for n in PIXELS])


def test_numbers_of_channels() -> None:
    check_layers([conv((1, 5, 1, 3), (n, 1, 1, 3)) for n in CHANNELS])
    check_layers([conv((1, 1, 1, n), (n, 1, 1, n)) for n in CHANNELS])
    check_layers([depthwise((1, 2, 2, n), (1, 2, 2, n)) for n in CHANNELS])
    check_layers([depthwise((1, 6, 6, n), (1, 6, 6, n), kernel=DEPTHWISE) for n in CHANNELS])
    check_layers([fully((2, 9), (n, 9)) for n in CHANNELS])
    check_layers([fully((1, n), (3, n)) for n in CHANNELS])


def test_window_lengths() -> None:
    calls = check_layers([conv((1, 1, 5, n), (5, 1, 1, n)) for n in WINDOWS])
    pointwise = [bool(call.flags["pointwise"]) for call in calls]
    assert pointwise == [n % 16 == 0 for n in WINDOWS]
    assert [call.constants["WINDOW"] for call in calls] == [-(-n // 16) * 16 for n in WINDOWS]
    groups = [call.constants["GROUP"] for call in calls]
    assert groups == [2 if n > 128 else 4 for n in WINDOWS]
    # The same windows, as the rows of an image, for one pixel and for several.
    check_layers([conv((1, 1, n, 1), (3, 1, n, 1)) for n in WINDOWS])
    check_layers([conv((1, n, 6, 1), (5, n, 1, 1)) for n in WINDOWS])


def test_windows_that_are_not_filled() -> None:
    # So many channels that the zeros would be more than their limit.
    channels = 8 * FILL_BYTES // 128 + 1
    assert filled_window(17, channels) == 17
    assert filled_window(16, channels) == 16
    (whole, image) = check_layers(
        [conv((1, 1, 3, 17), (channels, 1, 1, 17)), conv((1, 3, 3, 1), (channels, 3, 3, 1))]
    )
    assert whole.flags["pointwise"]
    assert whole.constants["FILL"] == image.constants["FILL"] == 0


ZEROS = tuple(itertools.product((-128, 0, 127), (-128, 0, 127)))


@pytest.mark.parametrize("extreme", [-128, 127, None])
def test_zero_points_and_extreme_weights(extreme: int | None) -> None:
    def codes(*shape: int) -> tuple[int, ...] | np.ndarray:
        return shape if extreme is None else np.full(shape, extreme)

    pads = geometry((1, 1), (1, 1), 1, 1, 1, 1)
    layers: list[Layer] = []
    for x_zero, y_zero in ZEROS:
        zeros = {"zeros": (x_zero, 0, y_zero)}
        layers += [
            conv((1, 4, 3, 3), codes(5, 3, 3, 3), **zeros, **pads),
            conv((1, 4, 3, 4), codes(6, 3, 3, 2), kernel=GROUPED, **zeros, **pads),
            depthwise((1, 4, 3, 5), codes(1, 3, 3, 5), **zeros, **pads),
            depthwise((1, 4, 3, 2), codes(1, 3, 3, 6), kernel=DEPTHWISE, **zeros, **pads),
            fully((2, 31), codes(6, 31), **zeros),
        ]
    check_layers(layers)


@pytest.mark.parametrize("extreme", [-128, 127, None])
def test_zero_points_of_weights(extreme: int | None) -> None:
    def codes(*shape: int) -> tuple[int, ...] | np.ndarray:
        return shape if extreme is None else np.full(shape, extreme)

    pads = geometry((1, 1), (1, 1), 1, 1, 1, 1)
    layers: list[Layer] = []
    for x_zero, w_zero in ZEROS:
        kind = {"zeros": (x_zero, w_zero or 3, 9), "per_channel": False}
        layers += [
            conv((1, 4, 3, 3), codes(5, 3, 3, 3), **kind, **pads),
            conv((1, 4, 3, 4), codes(6, 3, 3, 2), kernel=GROUPED, **kind, **pads),
            depthwise((1, 4, 3, 5), codes(1, 3, 3, 5), **kind, **pads),
            depthwise((1, 4, 3, 2), codes(1, 3, 3, 6), kernel=DEPTHWISE, **kind, **pads),
            fully((2, 31), codes(6, 31), **kind),
        ]
    check_layers(layers)


# Weights of two taps, their zero point, and whether both products fit into 16 bits together.
PAIRS = (
    ((-128, -127), 0, True),
    ((-128, 127), 0, True),
    ((127, 127), 0, True),
    ((-128, -128), 0, False),
    ((100, -28), 127, True),
    ((100, -102), 127, False),
    ((127, 127), -1, False),
    ((127, 126), -1, True),
    ((-128, 127), 127, True),
    ((-128, 126), 127, False),
    ((127, -127), -128, False),
    ((127, -128), -128, True),
)


def test_pairs_of_taps_stay_in_16_bits() -> None:
    layers = []
    for (first, second), zero, _ in PAIRS:
        # The pair alone, and after another pair, in one channel of three; a last tap is single.
        codes = np.full((1, 1, 5, 3), zero)
        codes[0, 0, 2:4, 1] = first, second
        pair = codes[:, :, 2:4]
        kind = {"zeros": (0, zero, 0), "per_channel": False, "bias": (0, 0, 0), "factor": 2**-9}
        layers += [depthwise((1, 4, 6, 3), codes, **kind), depthwise((1, 4, 6, 3), pair, **kind)]
    calls = check_layers(layers)
    expected = [paired for *_, paired in PAIRS for _ in range(2)]
    assert [call.flags["paired"] for call in calls] == expected


def test_taps_that_are_no_pair_may_be_large_together() -> None:
    codes = np.array([[-128, -127], [-127, -128], [-128, -127]]).reshape(1, 3, 2, 1)
    (call,) = check_layers([depthwise((1, 5, 5, 1), codes, factor=2**-10)])
    assert call.flags["paired"]


def test_forms_of_windows() -> None:
    forms = ((5, 5), (1, 4), (4, 1), (1, 1), (2, 3))
    steps = (
        geometry((1, 1), (1, 1), 2, 2, 2, 2),
        geometry((2, 3), (1, 1), 0, 1, 1, 0),
        geometry((6, 7)),
        geometry((1, 1), (2, 1), 1, 0, 3, 0),
        geometry((2, 1), (1, 2), 0, 3, 0, 1),
    )
    for height, width in forms:
        check_layers(
            [
                layer
                for step in steps
                for layer in (
                    conv((2, 9, 9, 3), (5, height, width, 3), **step),
                    conv((2, 9, 9, 4), (2, height, width, 2), kernel=GROUPED, **step),
                    depthwise((2, 9, 9, 3), (1, height, width, 3), **step),
                    depthwise((2, 9, 9, 2), (1, height, width, 4), kernel=DEPTHWISE, **step),
                )
            ]
        )


def test_windows_outside_the_image() -> None:
    steps = (
        geometry((1, 1), (1, 1), 4, 0, 0, 5),
        geometry((3, 2), (1, 1), 0, 7, 6, 1),
        geometry((1, 1), (5, 4), 6, 6, 6, 6),
        geometry((9, 9), (1, 1), 9, 0, 9, 0),
    )
    check_layers(
        [
            layer
            for step in steps
            for layer in (
                conv((2, 2, 3, 3), (5, 3, 2, 3), zeros=(127, 0, 0), **step),
                conv((2, 2, 3, 4), (2, 3, 2, 2), kernel=GROUPED, zeros=(127, 0, 0), **step),
                depthwise((2, 2, 3, 3), (1, 3, 2, 3), zeros=(127, 0, 0), **step),
                depthwise((2, 2, 3, 2), (1, 3, 2, 4), kernel=DEPTHWISE, **step),
            )
        ]
    )


@pytest.mark.parametrize("rounding", Rounding)
def test_roundings_and_factors(rounding: Rounding) -> None:
    layers: list[Layer] = []
    # Left shifts alone, right shifts alone, both within a layer; ties at the powers of two.
    for factor, per_channel in itertools.product((2**-5, 0.003, 0.4, 0.5, 1.0, 5.0), (True, False)):
        kind = {"factor": factor, "per_channel": per_channel}
        small = np.arange(-10, 17).reshape(3, 3, 3, 1) % 5 - 2
        layers += [
            conv((1, 5, 4, 1), small, **kind),
            conv((1, 5, 4, 3), small, kernel=GROUPED, **kind),
            depthwise((1, 5, 4, 3), small.reshape(1, 3, 3, 3), **kind),
            depthwise((1, 5, 4, 1), small.reshape(1, 3, 3, 3), kernel=DEPTHWISE, **kind),
            fully((2, 9), small.reshape(3, 9), **kind),
        ]
    check_layers(layers, rounding)


@pytest.mark.parametrize("activation", Activation)
def test_activations(activation: Activation) -> None:
    kind = {"activation": activation, "zeros": (-128, 0, -20)}
    check_layers(
        [
            conv((1, 5, 4, 2), (3, 3, 3, 2), **kind),
            conv((1, 5, 4, 2), (2, 3, 3, 1), kernel=GROUPED, **kind),
            depthwise((1, 5, 4, 3), (1, 3, 3, 3), **kind),
            depthwise((1, 5, 4, 1), (1, 3, 3, 3), kernel=DEPTHWISE, **kind),
            fully((2, 9), (3, 9), **kind),
        ]
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums(sign: int) -> None:
    # The zero point in the bias of the taps would leave 32 bits here: another row must take it.
    kind = {"factor": 2**-24, "per_channel": False, "zeros": (127, 0, 0)}

    def bias(depth: int, reach: int = 255) -> tuple[int, ...]:
        return (sign * (2**31 - 1 - depth * 128 * reach),) * 4

    codes = {n: np.full((4, 1, 1, n), -128) for n in (9, 32)}
    taps = codes[9].reshape(1, 3, 3, 4)
    check_layers(
        [
            conv((1, 1, 5, 9), codes[9], bias=bias(9), **kind),
            conv((1, 1, 5, 32), codes[32], bias=bias(32), **kind),
            conv((1, 1, 5, 18), codes[9], kernel=GROUPED, bias=bias(9), **kind),
            depthwise((1, 3, 4, 4), taps, bias=bias(9), **kind),
            depthwise(
                (1, 3, 4, 4),
                taps,
                bias=bias(9, 128),
                kernel=DEPTHWISE,
                **{**kind, "zeros": (0, 0, 0), "bias": bias(9, 127)},
            ),
            fully((3, 9), codes[9].reshape(4, 9), bias=bias(9), **kind),
        ]
    )


def test_channel_blocks() -> None:
    for channels in range(1, 1200):
        block = channel_block(channels)
        assert block <= min(channels, 64)
        assert channels <= 64 or (block >= 32 and (block == 64 or channels % block == 0))


small = st.integers(1, 4)
pairs = st.tuples(small, small)
zero_points = st.sampled_from((-128, 127, 0)) | st.integers(-128, 127)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Return a layer of any row, with any geometry that fits."""
    window, stride, dilation = draw(pairs), draw(st.tuples(small, small)), draw(pairs)
    pads = [draw(st.integers(0, 3)) for _ in range(4)]
    least = [
        max((k - 1) * d + 1 - before - after, 1)
        for k, d, before, after in zip(window, dilation, pads[::2], pads[1::2], strict=True)
    ]
    size = [low + draw(st.integers(0, 4)) for low in least]
    groups, depth, multiplier = draw(small), draw(st.integers(1, 9)), draw(small)
    per_channel = draw(st.booleans())
    options = {
        "zeros": (draw(zero_points), 0 if per_channel else draw(zero_points), draw(zero_points)),
        "per_channel": per_channel,
    }
    batch = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(("conv", "depthwise", "fully")))
    if kind == "fully":
        return fully((batch, size[0], depth), (multiplier * groups, depth), **options)
    options |= geometry(stride, dilation, *pads)
    if kind == "conv":
        row = cases.CONV if groups == 1 else GROUPED
        image = (batch, *size, groups * depth)
        return conv(image, (groups * multiplier, *window, depth), kernel=row, **options)
    row = cases.TAPS if multiplier == 1 else DEPTHWISE
    return depthwise((batch, *size, depth), (1, *window, depth * multiplier), kernel=row, **options)


@given(st.lists(layers(), min_size=12, max_size=12), st.sampled_from(Rounding), st.integers(0, 99))
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_random_layers(found: list[Layer], rounding: Rounding, seed: int) -> None:
    check_layers(found, rounding, seed)
