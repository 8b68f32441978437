from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.ir.quant import ROUNDINGS, Rounding
from edgeq.kernels.portable import depthwise as depthwise_family
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
    # Those of int16 are in tests/kernels/test_int16.py.
    found = {r.id for r in (*ROWS, *depthwise_family.ROWS) if not r.id.endswith("_s16")}
    assert found == {cases.CONV, GROUPED, cases.TAPS, DEPTHWISE, cases.FULLY}


def test_numbers_of_pixels() -> None:
    around = geometry((1, 1), (1, 1), 1, 1, 1, 1)
    check_layers(
        [
            layer
            for n in PIXELS
            for layer in (
                conv((1, 1, n, 5), (6, 1, 1, 5)),
                conv((1, n, 1, 3), (5, 3, 3, 3), **around),
                depthwise((1, 1, n, 5), (1, 1, 1, 5)),
            )
        ]
    )


def test_numbers_of_channels() -> None:
    check_layers([conv((1, 5, 1, n), (n, 1, 1, n)) for n in CHANNELS])
    check_layers([depthwise((1, 2, 2, n), (1, 2, 2, n)) for n in CHANNELS])
    check_layers([depthwise((1, 6, 6, n), (1, 6, 6, n), kernel=DEPTHWISE) for n in CHANNELS])
    check_layers([fully((2, n), (n, n)) for n in CHANNELS])


def test_window_lengths() -> None:
    calls = check_layers([conv((1, 1, 5, n), (5, 1, 1, n)) for n in WINDOWS])
    pointwise = [bool(call.flags["pointwise"]) for call in calls]
    assert pointwise == [n % 16 == 0 for n in WINDOWS]
    assert [call.constants["WINDOW"] for call in calls] == [-(-n // 16) * 16 for n in WINDOWS]
    groups = [call.constants["GROUP"] for call in calls]
    assert groups == [2 if n > 128 else 4 for n in WINDOWS]


def test_windows_of_one_row_or_column() -> None:
    lengths = (15, 16, 17, 33, 128, 129)
    check_layers([conv((1, 1, n, 1), (3, 1, n, 1)) for n in lengths])
    check_layers([conv((1, n, 6, 1), (5, n, 1, 1)) for n in lengths])


def test_windows_that_are_not_filled() -> None:
    # So many channels that the zeros would be more than their limit.
    channels = FILL_BYTES // 15 + 1
    assert [filled_window(17, n) for n in (channels - 1, channels)] == [32, 17]
    whole, image = check_layers(
        [conv((1, 1, 3, 17), (channels, 1, 1, 17)), conv((1, 3, 17, 1), (channels, 1, 17, 1))]
    )
    assert whole.flags["pointwise"]
    assert not image.flags["pointwise"]
    assert whole.constants["FILL"] == image.constants["FILL"] == 0


def every_row(codes: Callable[..., object], **options: Any) -> list[Layer]:
    """Return a layer of each row, padded where it has padding; ``codes`` gives weights."""
    around = geometry((1, 1), (1, 1), 1, 1, 1, 1)
    return [
        conv((1, 4, 3, 3), codes(5, 3, 3, 3), **options, **around),
        conv((1, 4, 3, 4), codes(6, 3, 3, 2), kernel=GROUPED, **options, **around),
        depthwise((1, 4, 3, 5), codes(1, 3, 3, 5), **options, **around),
        depthwise((1, 4, 3, 2), codes(1, 3, 3, 6), kernel=DEPTHWISE, **options, **around),
        fully((2, 31), codes(6, 31), **options),
    ]


def random_codes(*shape: int) -> tuple[int, ...]:
    """Return a shape, for which the layer draws random codes."""
    return shape


@pytest.mark.parametrize("extreme", [-128, 127, None])
def test_zero_points_and_extreme_weights(extreme: int | None) -> None:
    codes = random_codes if extreme is None else lambda *shape: np.full(shape, extreme)
    zeros = ((-128, 0, 127), (127, 0, -128), (0, 0, 0))
    check_layers([layer for found in zeros for layer in every_row(codes, zeros=found)])


def test_zero_points_of_weights() -> None:
    forms = (
        (random_codes, (-128, 3, 127)),
        (lambda *shape: np.full(shape, -128), (127, 127, 9)),
        (lambda *shape: np.full(shape, 127), (-128, -128, 0)),
    )
    kinds = [(codes, {"zeros": zeros, "per_channel": False}) for codes, zeros in forms]
    check_layers([layer for codes, kind in kinds for layer in every_row(codes, **kind)])


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
    found: list[Layer] = []
    for (index, (height, width)), turn in itertools.product(enumerate(forms), range(2)):
        step, other = steps[index - turn], steps[index - turn - 2]
        found += [
            conv((2, 9, 9, 3), (5, height, width, 3), **step),
            conv((2, 9, 9, 4), (2, height, width, 2), kernel=GROUPED, **other),
            depthwise((2, 9, 9, 3), (1, height, width, 3), **step),
            depthwise((2, 9, 9, 2), (1, height, width, 4), kernel=DEPTHWISE, **other),
        ]
    check_layers(found)


def test_windows_outside_the_image() -> None:
    steps = (
        geometry((1, 1), (1, 1), 4, 0, 0, 5),
        geometry((3, 2), (5, 4), 0, 9, 6, 1),
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


# Right shifts alone, left and right within a layer, left shifts alone, one of each kind.
FACTORS = ((0.003, True), (0.4, True), (1.0, True), (2**-5, False), (5.0, False))


@pytest.mark.parametrize("rounding", Rounding)
def test_roundings_and_factors(rounding: Rounding) -> None:
    found: list[Layer] = []
    small = np.arange(-10, 17).reshape(3, 3, 3, 1) % 5 - 2
    for factor, per_channel in FACTORS:
        kind = {"factor": factor, "per_channel": per_channel}
        found += [conv((1, 5, 4, 1), small, **kind), fully((2, 9), small.reshape(3, 9), **kind)]
    found += [
        conv((1, 5, 4, 3), small, kernel=GROUPED, factor=0.4),
        depthwise((1, 5, 4, 3), small.reshape(1, 3, 3, 3), factor=0.4),
        depthwise((1, 5, 4, 1), small.reshape(1, 3, 3, 3), kernel=DEPTHWISE, factor=0.4),
    ]
    check_layers(found, rounding)


def test_activations() -> None:
    kinds = [{"activation": kind, "zeros": (-128, 0, -20)} for kind in Activation]
    check_layers([layer for kind in kinds for layer in every_row(random_codes, **kind)])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums(sign: int) -> None:
    kind = {"factor": 2**-24, "per_channel": False}
    codes = {n: np.full((4, 1, 1, n), -128) for n in (9, 32)}
    taps = codes[9].reshape(1, 3, 3, 4)

    def full(depth: int, zero: int) -> dict[str, object]:
        """Return the largest bias that a layer with this zero point may have."""
        reach = max(127 - zero, zero + 128)
        return {
            "zeros": (zero, 0, 0),
            "bias": (sign * (2**31 - 1 - depth * 128 * reach),) * 4,
            **kind,
        }

    check_layers(
        [
            conv((1, 1, 5, 9), codes[9], **full(9, 127)),
            conv((1, 1, 5, 32), codes[32], **full(32, -128)),
            conv((1, 1, 5, 18), codes[9], kernel=GROUPED, **full(9, 127)),
            # With the share of a zero point in its bias, a sum of taps reaches as far as any;
            # for these zero points further than before.
            depthwise((1, 3, 4, 4), taps, **full(9, 127)),
            depthwise((1, 3, 4, 4), taps, **full(9, 0)),
            depthwise((1, 3, 4, 4), taps, kernel=DEPTHWISE, **full(9, -1)),
            depthwise((1, 3, 4, 4), taps, kernel=DEPTHWISE, **full(9, -128)),
            fully((3, 9), codes[9].reshape(4, 9), **full(9, -128)),
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


@given(st.lists(layers(), min_size=8, max_size=8), st.sampled_from(ROUNDINGS), st.integers(0, 99))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_random_layers(found: list[Layer], rounding: Rounding, seed: int) -> None:
    check_layers(found, rounding, seed)
