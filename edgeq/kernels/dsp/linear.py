"""One product in place of a rescaling: ``code = (sum * multiplier / 2^32 + addend) >> shift``.

A code is at least k from some sum on. Where one straight line passes between all sums at which
codes change and those just below them, it gives the codes that two roundings give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.ops._accumulate import Accumulation, bias_of

SHIFT = 2  # that the assembler has in its last instruction
_NEAR = np.arange(-16, 17, 2)
_CODES = np.arange(-127, 128)[:, np.newaxis]
_WORD = 1 << 32
MOST = (1 << 31) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Bias, multiplier and addend of each channel; the bias is that of codes, not of values.

    A bias is of ``scale`` times the sum.
    """

    bias: np.ndarray
    multiplier: np.ndarray
    addend: np.ndarray


def line(
    io: Operands,
    numbers: Accumulation,
    weights: np.ndarray,
    *,
    shift: int = SHIFT,
    scale: int = 1,
    chosen: Sequence[int] | None = None,
) -> Line | None:
    """Return factors that give every output of a layer, or None if there are none.

    ``weights`` [channels, window] are without their zero point. Sums come multiplied by ``scale``.
    ``chosen`` are the channels to look at; all without.
    """
    if io.x.dtype is not DType.INT8 or (numbers.low, numbers.high) != (-128, 127):
        return None
    part = np.arange(len(weights)) if chosen is None else np.asarray(chosen)
    w = weights[part].astype(np.int64)
    bias = bias_of(io)[part].astype(np.int64)
    requant = part_of(numbers.requant, part)
    ends = ends_of(io, w, bias)
    firsts = first_sums(ends, requant, io.y.zero_point)
    steps = slopes(requant, len(w), 2.0 ** (32 + shift) / scale)
    found = []
    for low, high, first, slope in zip(*ends, firsts.T, steps, strict=True):
        channel = _factors(int(low), int(high), first, slope, shift, scale)
        if channel is None:
            return None
        found.append(channel)
    offset, multiplier, addend = np.array(found, np.int64).T
    folded = scale * (bias - io.x.zero_point * w.sum(axis=1)) + offset
    if np.abs(folded).max() > MOST:
        return None
    return Line(*(a.astype(np.int32) for a in (folded, multiplier, addend)))


def extremes(
    io: Operands, numbers: Accumulation, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest code of each channel."""
    w, zero = weights.astype(np.int64), io.x.zero_point
    products = np.sort(np.stack([w * (code - zero) for code in (-128, 127)]), axis=0)
    sums = products.sum(axis=2) + bias_of(io)
    scaled = requantize(sums.astype(np.int32), numbers.requant).astype(np.int64)
    codes = np.clip(scaled + io.y.zero_point, numbers.low, numbers.high)
    return codes[0], codes[1]


def part_of(requant: Requant, part: np.ndarray) -> Requant:
    """Return the rescaling of some channels."""
    if requant.channels == 1:
        return requant
    multiplier, shift, scale = (
        tuple(values[i] for i in part) if values else ()
        for values in (requant.multiplier, requant.shift, requant.scale)
    )
    return Requant(requant.rounding, multiplier, shift, scale)


def ends_of(io: Operands, w: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest sum of each channel."""
    products = np.stack([w * (code - io.x.zero_point) for code in (-128, 127)])
    return products.min(axis=0).sum(axis=1) + bias, products.max(axis=0).sum(axis=1) + bias


def first_sums(ends: tuple[np.ndarray, np.ndarray], requant: Requant, zero: int) -> np.ndarray:
    """Return [codes, channels]: the first sum from which on an output is at least -127 to 127.

    It is one more than the largest where none is.
    """
    low = np.broadcast_to(ends[0], (len(_CODES), len(ends[0]))).copy()
    high = np.broadcast_to(ends[1] + 1, low.shape).copy()
    while (low < high).any():
        middle = (low + high) >> 1
        scaled = requantize(np.minimum(middle, ends[1]).astype(np.int32), requant)
        reached = scaled.astype(np.int64) + zero >= _CODES
        open_ = low < high
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    return low


def slopes(requant: Requant, count: int, unit: float) -> np.ndarray:
    """Return about how many of ``unit`` of a code each step of a sum is worth."""
    scales = scales_of(requant, count)
    return np.clip(np.rint(scales * unit), 1, MOST).astype(np.int64)


def scales_of(requant: Requant, count: int) -> np.ndarray:
    """Return how many codes each step of a sum is worth."""
    if requant.rounding is Rounding.FLOAT32:
        scale = np.asarray(requant.scale)
    else:
        scale = np.asarray(requant.multiplier) * 2.0 ** (np.asarray(requant.shift) - 31.0)
    return np.broadcast_to(scale, count)


def _factors(
    low: int, high: int, first: np.ndarray, slope: int, shift: int, scale: int
) -> tuple[int, int, int] | None:
    """Return what to add to sums, their multiplier and its addend for one channel."""
    # Multiples of an odd number are everything, modulo a power of two.
    slopes = multipliers((slope | 1) + _NEAR)
    least, most = constants(low, high, first, slopes, shift, scale)
    best = int((most - least).argmax())
    if most[best] < least[best]:
        return None
    multiplier = int(slopes[best])
    offset = _first_in(multiplier, _WORD, int(least[best]), int(most[best] - least[best]))
    addend = -((offset * multiplier - int(least[best])) // _WORD)
    sums = [scale * s + offset for s in (low, high)]
    ends = [s * multiplier // _WORD + addend for s in sums]
    fits = all(abs(e) <= MOST for e in (*ends, *sums))
    return (offset, multiplier, addend) if fits else None


def multipliers(numbers: np.ndarray) -> np.ndarray:
    """Return those that can be multipliers."""
    return numbers[(numbers > 0) & (numbers <= MOST)]


def constants(
    low: int, high: int, first: np.ndarray, slopes: np.ndarray, shift: int, scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return between which numbers a constant gives every code, for each slope."""
    codes = _CODES[:, 0].astype(np.int64) << (32 + shift)
    steep = slopes[:, np.newaxis]
    # first * slope + constant must reach the code, and (first - 1) * slope + constant must not.
    reached, missed = first <= high, first > low
    least = (codes - steep * (scale * first))[:, reached].max(axis=1, initial=-(1 << 62))
    most = (codes - steep * (scale * (first - 1)))[:, missed].min(axis=1, initial=1 << 62) - 1
    # Without a bound, any constant near the other one does.
    least = np.maximum(least, most - _WORD)
    return least, np.minimum(most, least + _WORD)


def _first_in(step: int, size: int, start: int, length: int) -> int:
    """Return the least n of which ``n * step`` is in start to start + length, modulo ``size``.

    >>> _first_in(7, 10, 2, 1)
    6
    """
    low, high = start % size, start % size + length
    if low == 0 or high >= size:
        return 0
    if 2 * step > size:
        step, low, high = size - step, size - high, size - low
    n = -(-low // step)
    if n * step <= high:
        return n
    # As in Euclid's algorithm: how often the multiples pass `size`, and then n.
    rounds = _first_in(-size % step, step, low, length)
    return -(-(low + rounds * size) // step)
