"""A histogram of fixed size whose span grows with what it sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgeq.quantize.ranges import Range

HALF = 2048  # bins on each side of 0


@dataclass(slots=True, eq=False)
class Histogram:
    """Counts of nonzero values in equal bins over [-span, span), and the exact extremes.

    The span doubles when a value does not fit, and two neighbouring bins become one: nothing is
    lost but resolution. Zeros are exact under every code, so they are counted apart.
    """

    span: float = 0.0
    counts: np.ndarray = field(default_factory=lambda: np.zeros(2 * HALF, np.int64))
    zeros: int = 0
    low: float = 0.0
    high: float = 0.0

    @property
    def bin_width(self) -> float:
        """Return the width of one bin."""
        return self.span / HALF

    def add(self, values: np.ndarray) -> None:
        """Count finite values."""
        flat = values.reshape(-1).astype(np.float64)
        flat = flat[flat != 0]
        self.zeros += values.size - flat.size
        if not flat.size:
            return
        self.low, self.high = min(self.low, flat.min()), max(self.high, flat.max())
        largest = float(np.abs(flat).max())
        if not self.span:
            self.span = largest
        while self.span <= largest:
            self._double()
        places = np.floor(flat / self.bin_width).astype(np.int64) + HALF
        self.counts += np.bincount(np.clip(places, 0, 2 * HALF - 1), minlength=2 * HALF)

    def _double(self) -> None:
        merged = self.counts.reshape(HALF, 2).sum(axis=1)
        self.counts[:] = 0
        self.counts[HALF // 2 : HALF + HALF // 2] = merged
        self.span *= 2

    def edges(self) -> np.ndarray:
        """Return the bins' edges, one more than there are bins."""
        return np.arange(-HALF, HALF + 1) * self.bin_width

    def centres(self) -> np.ndarray:
        """Return the middle of each bin."""
        return (np.arange(-HALF, HALF) + 0.5) * self.bin_width

    def magnitudes(self) -> np.ndarray:
        """Return the counts of absolute values, from the bin at 0 outwards; without zeros."""
        folded: np.ndarray = self.counts[HALF:] + self.counts[:HALF][::-1]
        return folded

    def counts_with_zeros(self) -> np.ndarray:
        """Return the counts with zeros in the bin above 0."""
        counts = self.counts.copy()
        counts[HALF] += self.zeros
        return counts

    def within(self, low: float, high: float) -> Range:
        """Return a range cut to the values' own, with 0 inside."""
        return max(min(low, 0.0), float(self.low)), min(max(high, 0.0), float(self.high))
