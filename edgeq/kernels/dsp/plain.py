"""One product in place of a rescaling, with an addend that all channels share.

``code = (sum * multiplier / 2^32 >> shift) + zero point``: a sum is so many times itself that its
bias alone makes the line meet all codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.dsp.linear import (
    MOST,
    constants,
    ends_of,
    extremes,
    first_sums,
    multipliers,
    part_of,
    scales_of,
)
from edgeq.ops._accumulate import Accumulation, bias_of

MARK = 32  # a multiplier modulo this is its shift where each channel has one
MOST_SHIFT = 22
_NEAR = np.array(sorted(range(-256, 257), key=abs))
_FEW = 33


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Bias, multiplier and shift of each channel, and whether its products count at all.

    The bias is that of codes, not of values, and of ``scale`` times the sum.
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    alive: np.ndarray


def plain(
    io: Operands,
    numbers: Accumulation,
    weights: np.ndarray,
    *,
    scale: int,
    shift: int | None = None,
) -> Plain | None:
    """Return factors that give every output of a layer, or None if none were found.

    ``weights`` [channels, window] are without their zero point. Without a ``shift`` each channel
    has one, which is also the remainder of its multiplier divided by ``MARK``.
    """
    if io.x.dtype is not DType.INT8 or (numbers.low, numbers.high) != (-128, 127):
        return None
    least, most = extremes(io, numbers, weights)
    alive = least != most
    scales = scales_of(numbers.requant, len(weights)) / scale
    shifts = np.array([_shift(s) for s in scales.tolist()]) if shift is None else None
    shifts = np.full(len(weights), shift) if shifts is None else shifts
    # A quarter of four times the answer, where there is one.
    bias = (least - io.y.zero_point).astype(np.int64) << (shifts + 2)
    multiplier = (1 << 30) + (shifts if shift is None else 0 * shifts)
    chosen = np.flatnonzero(alive)
    w, values = weights[chosen].astype(np.int64), bias_of(io)[chosen].astype(np.int64)
    ends = np.stack(ends_of(io, w, values))
    firsts = first_sums((ends[0], ends[1]), part_of(numbers.requant, chosen), io.y.zero_point)
    folded = scale * (values - io.x.zero_point * w.sum(axis=1))
    for i, channel in enumerate(chosen.tolist()):
        sums = Sums(int(ends[0, i]), int(ends[1, i]), firsts[:, i], scale, io.y.zero_point)
        found = _factors(sums, float(scales[channel]), shift)
        if found is None or abs(folded[i] + found[0]) > MOST:
            return None
        bias[channel] = folded[i] + found[0]
        multiplier[channel], shifts[channel] = found[1:]
    return Plain(bias.astype(np.int32), multiplier.astype(np.int32), shifts, alive)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What sums a channel has, from which on its codes are reached, and how they are computed."""

    low: int
    high: int
    first: np.ndarray
    scale: int
    zero: int


def _shift(scale: float) -> int:
    """Return the largest shift with which a multiplier fits a word."""
    return min(max(math.floor(-1 - math.log2(scale) - 2.0**-10), 0), MOST_SHIFT)


def _factors(sums: Sums, scale: float, shift: int | None) -> tuple[int, int, int] | None:
    """Return what to add to sums, their multiplier and its shift for one channel."""
    # Where few codes are reached, a steeper line may be nearer to zero.
    for steeper in (1, 4, 16):
        moved = _shift(steeper * scale) if shift is None else shift
        slope = round(steeper * scale * 2.0 ** (32 + moved))
        tried = slope + _NEAR if shift is not None else (slope // MARK + _NEAR) * MARK + moved
        # Most channels have factors among the first ones.
        for part in (tried[:_FEW], tried[_FEW:]):
            slopes = multipliers(part)
            offset = _offset(sums, slopes, moved) if len(slopes) else None
            if offset is not None:
                return *offset, moved
    return None


def _offset(sums: Sums, slopes: np.ndarray, shift: int) -> tuple[int, int] | None:
    """Return what to add to sums, and which of some multipliers goes with that."""
    addend = sums.zero << (32 + shift)
    bounds = constants(sums.low, sums.high, sums.first, slopes, shift, sums.scale)
    least, most = (constant - addend for constant in bounds)
    offsets = -(-least // slopes)
    for i in np.flatnonzero(offsets * slopes <= most).tolist():
        if all(abs(sums.scale * s + int(offsets[i])) <= MOST for s in (sums.low, sums.high)):
            return int(offsets[i]), int(slopes[i])
    return None
