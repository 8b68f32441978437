"""Observers: what each range promises, on any stream."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.quantize.config import OBSERVERS, Config
from edgeq.quantize.histogram import HALF, Histogram
from edgeq.quantize.observers import (
    Entropy,
    MinMax,
    MovingAverage,
    Mse,
    Observer,
    Percentile,
    observer,
)

number = st.floats(-1e6, 1e6, width=32)
streams = st.lists(st.lists(number, min_size=1, max_size=40), min_size=1, max_size=6)


def watched(seen: Observer, stream: list[list[float]]) -> tuple[float, float]:
    for values in stream:
        seen.see(np.asarray(values, np.float32))
    return seen.range()


@settings(max_examples=40, deadline=None)
@given(streams, st.sampled_from(OBSERVERS))
def test_a_range_holds_zero_and_no_more_than_the_values(
    stream: list[list[float]], kind: str
) -> None:
    low, high = watched(observer(Config(observer=kind)), stream)
    every = np.asarray([0.0, *chain(*stream)], np.float32)
    assert every.min() <= low <= 0 <= high <= every.max()


@settings(max_examples=40, deadline=None)
@given(streams)
def test_min_max_is_exact(stream: list[list[float]]) -> None:
    every = np.asarray([0.0, *chain(*stream)], np.float32)
    assert watched(MinMax(), stream) == (every.min(), every.max())


def test_the_average_starts_with_the_first_and_moves_by_its_decay() -> None:
    seen = MovingAverage(decay=0.75)
    assert watched(seen, [[-1.0, 4.0]]) == (-1, 4)
    assert watched(seen, [[-5.0, 8.0]]) == (-2, 5)
    assert watched(seen, [[1.0, 2.0]]) == (-1.5, 4.25)


@settings(max_examples=40, deadline=None)
@given(streams, st.floats(60, 100))
def test_a_percentile_holds_its_share_of_the_values(
    stream: list[list[float]], percent: float
) -> None:
    low, high = watched(Percentile(percent=percent), stream)
    every = np.asarray(list(chain(*stream)), np.float32)
    outside = np.count_nonzero((every < low) | (every > high))
    assert outside <= len(every) * (100 - percent) / 100 + 1e-6


def test_a_percentile_leaves_outliers_out() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    values[:3] = 1000.0, -1000.0, 500.0
    low, high = watched(Percentile(percent=99.9), [values.tolist()])
    assert -5 < low < -2.5
    assert 2.5 < high < 5


@settings(max_examples=40, deadline=None)
@given(streams, st.randoms(use_true_random=False))
def test_a_histogram_depends_neither_on_order_nor_on_chunks(
    stream: list[list[float]], random: object
) -> None:
    # One value fixes the first span; after it, the others may come in any order.
    every = [1.0, *chain(*stream)]
    whole, parts = Histogram(), Histogram()
    whole.add(np.asarray([every[0]]))
    whole.add(np.asarray(every[1:]))
    parts.add(np.asarray([every[0]]))
    for value in reversed(every[1:]):
        parts.add(np.asarray([value]))
    assert parts.zeros + parts.counts.sum() == len(every)
    assert (parts.span, parts.low, parts.high) == (whole.span, whole.low, whole.high)
    assert parts.zeros == whole.zeros
    np.testing.assert_array_equal(parts.counts, whole.counts)


def test_a_histogram_counts_where_values_lie() -> None:
    seen = Histogram()
    seen.add(np.array([1.0, 0.5, 0.0]))
    seen.add(np.array([-3.0]))
    assert seen.span == 4
    places = np.flatnonzero(seen.counts)
    for place, value in zip(places, (-3, 0.5, 1.0), strict=True):
        assert seen.edges()[place] <= value < seen.edges()[place + 1]
    assert len(seen.counts) == 2 * HALF


def error(values: np.ndarray, low: float, high: float, levels: int) -> float:
    step = (high - low) / levels
    first = np.round(low / step)
    codes = np.clip(np.round(values / step), first, first + levels)
    return float(((values - codes * step) ** 2).mean())


@pytest.mark.parametrize(("levels", "gain"), [(255, 1.0), (15, 1.5)])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_mse_is_better_than_the_true_range(shift: float, levels: int, gain: float) -> None:
    values = np.random.default_rng(0).normal(size=50_000) + shift
    low, high = watched(Mse(levels=levels), [values.tolist()])
    whole = error(values, values.min(), values.max(), levels)
    assert gain * error(values, low, high, levels) <= whole


def test_entropy_clips_a_long_tail_and_keeps_an_even_spread() -> None:
    rng = np.random.default_rng(0)
    tail = np.concatenate([np.abs(rng.normal(size=50_000)), [60.0]])
    low, high = watched(Entropy(), [tail.tolist()])
    assert low == 0
    assert 3 < high < 20
    even = rng.uniform(-1, 1, 50_000)
    low, high = watched(Entropy(), [even.tolist()])
    assert high == pytest.approx(-low, rel=1e-2)
    assert high > 0.9


def test_nothing_seen_is_the_point_zero() -> None:
    assert {observer(Config(observer=kind)).range() for kind in OBSERVERS} == {(0.0, 0.0)}
    assert watched(Percentile(), [[0.0, 0.0]]) == (0.0, 0.0)
