"""Means of 8-bit codes by one high multiply of 16 bits, proven on every sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ops.average_pool2d import AveragePool2D

LARGEST_FACTOR = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Division:
    """``mean = round((((sum << left) + offset) * factors[count] >> bits) / 2^right)``, half up.

    ``bits`` are those that the multiply drops. Nothing on the way leaves 16 bits.
    """

    left: int
    right: int
    offset: int
    factors: dict[int, int]


def division(counts: Sequence[int], half_up: bool, bits: int) -> Division | None:
    """Return the numbers that divide by each of ``counts``, or ``None`` when there are none.

    Ties go away from zero, which a factor slightly too large does, or up.
    """
    for left, right in _shifts(counts, bits):
        for offset in sorted({0, 1 << left >> 1, 1 << left >> 2}):
            found = {count: _factor(count, half_up, left, right, offset, bits) for count in counts}
            factors = {count: factor for count, factor in found.items() if factor is not None}
            if len(factors) == len(found):
                return Division(left, right, offset, factors)
    return None


def _shifts(counts: Sequence[int], bits: int) -> Iterator[tuple[int, int]]:
    """Yield shifts for factors as large as they can be, beginning without one to the left."""
    for left in range(8):
        if 128 * max(counts) << left > 1 << 15:
            return
        for right in range(8, 0, -1):
            if 1 << (bits + right - left) <= LARGEST_FACTOR * min(counts):
                yield left, right
                break


def _factor(count: int, half_up: bool, left: int, right: int, offset: int, bits: int) -> int | None:
    sums = np.arange(-128 * count, 127 * count + 1)
    means = mean_codes(sums, count, half_up)
    near = (1 << (bits + right - left)) // count
    for factor in (near, near + 1, near + 2):
        quotients = ((sums << left) + offset) * factor >> bits
        rounded = (quotients + (1 << right >> 1)) >> right
        if factor <= LARGEST_FACTOR and np.array_equal(rounded, means):
            return factor
    return None


def mean_codes(sums: np.ndarray, count: int, half_up: bool) -> np.ndarray:
    """Return the mean of ``count`` codes for each sum: ties go up, or away from zero."""
    if half_up:
        return (sums + count // 2) // count
    means: np.ndarray = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    return means


def mean_factor(count: int, half_up: bool) -> Requant | None:
    """Return a factor with a single rounding that divides every sum of ``count`` codes.

    It takes 32 bits, and so do the sums.
    """
    shift = 1 - (count - 1).bit_length()
    near = (1 << (31 - shift)) // count
    sums = np.arange(-128 * count, 127 * count + 1)
    means = mean_codes(sums, count, half_up)
    for multiplier in (near, near + 1, near + 2):
        quotients = (sums * multiplier + (1 << (30 - shift))) >> (31 - shift)
        if multiplier < 1 << 31 and np.array_equal(quotients, means):
            return Requant(Rounding.SINGLE, (multiplier,), (shift,))
    return None


def window_counts(op: AveragePool2D, io: Operands) -> tuple[int, ...]:
    """Return how many pixels of the image windows have, each number once, in order."""
    _, height, width, _ = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    rows = _extents(height, out_h, op.window[0], op.stride[0], op.padding.top)
    columns = _extents(width, out_w, op.window[1], op.stride[1], op.padding.left)
    return tuple(sorted({row * column for row in rows for column in columns}))


def _extents(pixels: int, outs: int, window: int, stride: int, before: int) -> set[int]:
    starts = range(-before, outs * stride - before, stride)
    return {min(start + window, pixels) - max(start, 0) for start in starts}
