"""Observers: a stream of arrays to one range, keeping state of fixed size alone.

``minmax`` and ``average`` keep two numbers; the others keep a histogram. Krishnamoorthi 2018
(section 2) takes true extremes for weights and moving averages for activations, and names the
entropy method of TensorRT (Migacz 2017).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np

from edgeq.quantize.config import Config
from edgeq.quantize.histogram import Histogram
from edgeq.quantize.ranges import Range


class Observer:
    """What sees every value of a tensor and then names the range that codes should span."""

    __slots__ = ()

    @abstractmethod
    def see(self, values: np.ndarray) -> None:
        """Take in one array of finite float32 numbers."""

    @abstractmethod
    def range(self) -> Range:
        """Return (low, high), low <= 0 <= high; (0, 0) before anything was seen."""


@dataclass(slots=True, eq=False)
class MinMax(Observer):
    """The true extremes."""

    low: float = 0.0
    high: float = 0.0

    def see(self, values: np.ndarray) -> None:
        """Widen the range."""
        self.low = min(self.low, float(values.min(initial=0)))
        self.high = max(self.high, float(values.max(initial=0)))

    def range(self) -> Range:
        """Return the extremes of all values and 0."""
        return self.low, self.high


@dataclass(slots=True, eq=False)
class MovingAverage(Observer):
    """Exponential moving averages of each array's extremes; the first array starts them.

    ``decay`` is the weight of the past (Jacob et al. 2017, section 3.1, with shorter memory: a
    calibration sees hundreds of samples, a training millions).
    """

    decay: float = 0.95
    low: float = 0.0
    high: float = 0.0
    started: bool = False

    def see(self, values: np.ndarray) -> None:
        """Move both averages."""
        past = self.decay if self.started else 0.0
        self.low = past * self.low + (1 - past) * float(values.min(initial=0))
        self.high = past * self.high + (1 - past) * float(values.max(initial=0))
        self.started = True

    def range(self) -> Range:
        """Return the averages."""
        return self.low, self.high


@dataclass(slots=True, eq=False)
class _OfHistogram(Observer):
    histogram: Histogram = field(default_factory=Histogram)

    def see(self, values: np.ndarray) -> None:
        """Count the values."""
        self.histogram.add(values)


@dataclass(slots=True, eq=False)
class Percentile(_OfHistogram):
    """The range that leaves out ``(100 - percent) / 2`` percent of the values at either end."""

    percent: float = 99.99

    def range(self) -> Range:
        """Return the outer edges of the bins in which the quantiles lie."""
        counts, edges = self.histogram.counts_with_zeros(), self.histogram.edges()
        total = int(counts.sum())
        if not total:
            return 0.0, 0.0
        left_out = total * (100 - self.percent) / 200
        sums = np.cumsum(counts)
        first = int(np.searchsorted(sums, left_out, side="right"))
        last = int(np.searchsorted(sums, total - left_out, side="left"))
        low, high = edges[min(first, len(counts) - 1)], edges[min(last + 1, len(counts))]
        return self.histogram.within(float(low), float(high))


@dataclass(slots=True, eq=False)
class Mse(_OfHistogram):
    """The range of least mean squared error of rounding and clipping, found on the histogram."""

    levels: int = 255
    steps: int = 64

    def range(self) -> Range:
        """Return the best of a grid of ends, searched one end at a time."""
        low, high = float(self.histogram.low), float(self.histogram.high)
        highs, lows = (end * np.linspace(1, 1 / self.steps, self.steps) for end in (high, low))
        for _ in range(2):
            high = float(highs[np.argmin([self.error(low, float(end)) for end in highs])])
            low = float(lows[np.argmin([self.error(float(end), high) for end in lows])])
        return self.histogram.within(low, high)

    def error(self, low: float, high: float) -> float:
        """Return the sum of squared errors when [low, high] is spanned by the codes."""
        step = (high - low) / self.levels
        counts, centres = self.histogram.counts, self.histogram.centres()
        if step <= 0:
            return float((counts * centres**2).sum())
        # The zero point is a whole number of steps.
        first = np.round(low / step)
        codes = np.clip(np.round(centres / step), first, first + self.levels)
        return float((counts * (centres - codes * step) ** 2).sum())


@dataclass(slots=True, eq=False)
class Entropy(_OfHistogram):
    """The clipping that keeps most information: least Kullback-Leibler divergence (Migacz 2017).

    Magnitudes above a threshold count as the threshold; what remains is compared with itself at
    the resolution of the codes, over thresholds of ``stride`` bins each. Two-sided values are
    clipped at equal magnitudes.
    """

    stride: int = 16

    def range(self) -> Range:
        """Return the values' range clipped to the threshold."""
        low, high = self.histogram.low, self.histogram.high
        counts = self.histogram.magnitudes()
        levels = 128 if low < 0 < high else 256
        used = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 0
        if used <= levels:
            return low, high
        ends = [*range(levels, used, self.stride), used]
        best = min(ends, key=lambda end: _divergence(counts, end, levels))
        threshold = best * self.histogram.bin_width if best < used else max(-low, high)
        return max(low, -threshold), min(high, threshold)


def _divergence(counts: np.ndarray, end: int, levels: int) -> float:
    """Return KL(p || q) for values clipped at bin ``end`` and quantized to ``levels`` bins."""
    kept = counts[:end].astype(np.float64)
    p = kept.copy()
    p[-1] += counts[end:].sum()
    slot = np.arange(end) * levels // end
    sums = np.bincount(slot, kept, levels)
    filled = np.bincount(slot, kept > 0, levels)
    share = np.divide(sums, filled, out=np.zeros(levels), where=filled > 0)
    q = np.where(kept > 0, share[slot], 0)
    # Clipped mass may fall into a bin that is empty itself; smoothing keeps the ratio finite.
    p, q = p / p.sum(), np.maximum(q / max(q.sum(), 1.0), 1e-12)
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def observer(config: Config) -> Observer:
    """Return a fresh observer of the kind that ``config`` names."""
    if config.observer == "average":
        return MovingAverage()
    if config.observer == "percentile":
        return Percentile(percent=config.percentile)
    if config.observer == "entropy":
        return Entropy()
    return Mse() if config.observer == "mse" else MinMax()
