"""Chains of taps: what fits 16 bits, and how panels share them."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from edgeq.kernels.neon.depthwise_3x3 import packed_weights
from edgeq.kernels.neon.depthwise_chains import PAIRS, TAPS, fitting, grouped, panels_of


def extremes_of(w: np.ndarray) -> tuple[int, int]:
    """Return the largest and the least sum of codes times weights."""
    products = np.stack([w * -128, w * 127])
    return int(products.max(axis=0).sum()), int(products.min(axis=0).sum())


@pytest.mark.parametrize("scale", [20, 60, 127])
def test_subsets_fit_when_no_codes_can_overflow_them(scale: int) -> None:
    w = np.random.default_rng(scale).integers(-scale, scale + 1, (TAPS, 3))
    fits = fitting(w)
    for subset in range(1 << TAPS):
        taps = [t for t in range(TAPS) if subset >> t & 1]
        bounds = [extremes_of(w[taps, c]) for c in range(3)]
        assert fits[subset] == all(low >= -32768 and high <= 32767 for high, low in bounds)


def test_the_bounds_themselves_fit() -> None:
    w = np.zeros((TAPS, 1), np.int32)
    w[:2, 0] = -128, -127
    assert fitting(w)[0b11]
    w[:2, 0] = -128, -128
    assert not fitting(w)[0b11]
    w[:3, 0] = 127, 127, 2
    assert fitting(w)[0b111]
    w[:3, 0] = 127, 127, 3
    assert not fitting(w)[0b111]


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("channels", [8, 9, 16, 17, 23, 24, 25, 32, 41, 128])
def test_panels_hold_every_channel(channels: int, lanes: int) -> None:
    panels = panels_of(channels, lanes)
    held = {c for size in panels for start in panels[size] for c in range(start, start + size)}
    assert held == set(range(channels))
    assert lanes == 16 or not panels[16]


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("scale", [10, 40, 60, 127, 255])
def test_groups_hold_every_channel_in_chains_that_fit(scale: int, lanes: int) -> None:
    w = np.random.default_rng(7).integers(-scale, scale + 1, (TAPS, 200))
    w[:, :40] //= 4
    groups = grouped(w, lanes)
    held = set()
    for group in groups:
        assert not group.chains or sorted(chain(*group.chains)) == list(range(TAPS))
        for start in group.panels:
            channels = range(start, start + group.lanes)
            held |= set(channels)
            for taps in group.chains:
                assert fitting(w[:, channels])[sum(1 << t for t in taps)]
    assert held == set(range(200))


def test_small_weights_need_one_chain_and_large_ones_pairs() -> None:
    assert [g.chains for g in grouped(np.full((TAPS, 32), -28), 16)] == [(tuple(range(TAPS)),)]
    assert [g.chains for g in grouped(np.full((TAPS, 32), 127), 16)] == [PAIRS]


def test_two_weights_of_least_code_are_not_in_one_chain() -> None:
    w = np.full((TAPS, 16), 1)
    w[2:4, 11] = -128
    [group] = grouped(w, 16)
    assert not any({2, 3} <= set(taps) for taps in group.chains)


def test_weights_of_least_code_only_are_widened() -> None:
    w = np.full((TAPS, 32), 1)
    w[:, 11] = -128
    assert [(g.lanes, g.panels) for g in grouped(w, 16)] == [(16, (16,)), (8, (0, 8))]


def test_a_few_weights_beyond_int8_are_sums_of_two() -> None:
    w = np.full((TAPS, 48), 3)
    w[4, 20], w[7, 17] = 254, -255
    groups = grouped(w, 16)
    assert [(g.panels, g.split) for g in groups] == [((0, 32), ()), ((16,), (4, 7))]
    packed = packed_weights(w, groups[1]).reshape(TAPS + 2, 16).astype(int)
    np.testing.assert_array_equal(packed[[4, 7]] + packed[[9, 10]], w[[4, 7], 16:32])
    np.testing.assert_array_equal(packed[[0, 1, 2, 3, 5, 6, 8]], 3)


@pytest.mark.parametrize("codes", [(255,), (200, 200, 200, 200, 200)])
def test_weights_too_large_or_too_many_are_widened(codes: tuple[int, ...]) -> None:
    w = np.full((TAPS, 16), 3)
    w[: len(codes), 5] = codes
    assert [g.chains for g in grouped(w, 16)] == [()]
