"""Integer requantizers that equal a rule in float32 for every value that can occur.

A rescaling and its clamp form a staircase: what matters is only at which value each code begins.
A requantizer with one rounding has the same stairs when its multiplier lies between bounds that
follow from them, so none has to be searched for. None is taken on trust: both rules never fall, so
that they are equal everywhere if they are on both sides of each stair and at both ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics.fixed_point import Int64
from edgeq.numerics.multiplier import quantize_multiplier
from edgeq.numerics.requant import requantize

_LEAST, _MOST = 1 << 30, (1 << 31) - 1
_LARGEST = 2.0**30  # of rescaled sums: one rule saturates at 32 bits, the other wraps
_BITS = 54  # of the fraction; codes above it fit 64 bits
_CODES = 255  # stairs of 8 bits


def fitted(factor: float, stairs: Iterable[tuple[int, int]]) -> Requant | None:
    """Return the requantizer of about ``factor``, one rounding, that has these stairs.

    Each of ``stairs`` is a value and the number, zero point taken off, that begins there: it gives
    that number or more, the value before it less. ``None`` where no multiplier does.
    """
    if not factor > 0:
        return None
    pairs = np.array(list(stairs), np.int64).reshape(-1, 2, 1)
    values, numbers = pairs[:, 0], pairs[:, 1]
    return _single([factor], values, numbers, np.ones(values.shape, bool))


def in_integers(requant: Requant, codes: tuple[int, int], largest: Int64) -> Requant:
    """Return the requantizer of one rounding that equals a FLOAT32 one, which is returned if none.

    Equal for every sum of each channel that is no farther from 0 than ``largest``, after a clamp to
    ``codes``, zero point taken off. Takes a tenth of a second for hundreds of channels.
    """
    if requant.rounding is not Rounding.FLOAT32:
        return requant
    scale = np.asarray(requant.scale, np.float64)
    most = largest if scale.size > 1 else largest.max(keepdims=True)
    if (most * scale).max() > _LARGEST or codes[1] - codes[0] > _CODES:
        return requant
    least = -most
    numbers = np.arange(codes[0] + 1, codes[1] + 1)[:, None]
    begins = _begins(requant, numbers, least, most)
    found = _single(requant.scale, begins, numbers, (begins > least) & (begins <= most))
    if found is None:
        return requant
    sums = np.clip(np.concatenate([begins, begins - 1, least[None], most[None]]), least, most)
    wanted, got = (np.clip(requantize(sums.astype(np.int32), r), *codes) for r in (requant, found))
    return found if np.array_equal(wanted, got) else requant


def _begins(requant: Requant, numbers: Int64, least: Int64, most: Int64) -> Int64:
    """Return the least sum that gives each number or more, [numbers, channels].

    One more than ``most`` where none does.
    """
    low = np.broadcast_to(least, (len(numbers), len(least)))
    high = low - least + most + 1
    while np.any(low < high):
        middle = (low + high) >> 1
        # A sum beyond the largest is never asked for: there low and high have met.
        reached = requantize(np.minimum(middle, most).astype(np.int32), requant) >= numbers
        low, high = (
            np.where(reached, low, np.minimum(middle + 1, high)),
            np.where(reached, middle, high),
        )
    return low


def _single(
    factors: Sequence[float], values: Int64, numbers: Int64, inside: np.ndarray
) -> Requant | None:
    """Return multipliers with which ``numbers`` begin at ``values``, where those are ``inside``.

    ``values`` are [stairs, channels].
    """
    pairs = [quantize_multiplier(factor) for factor in factors]
    multiplier, shift = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    bits = 31 - shift
    if np.any((bits > _BITS) & inside.any(axis=0)) or bits.min() < 1:
        return None
    bits = np.minimum(bits, _BITS)
    wanted = (numbers << bits) - (np.int64(1) << (bits - 1))
    # value * m >= wanted, and (value - 1) * m < wanted, which is <= wanted - 1.
    bounds = [_bounds(values, wanted, inside), _bounds(1 - values, 1 - wanted, inside)]
    low, high = np.max([b[0] for b in bounds], axis=0), np.min([b[1] for b in bounds], axis=0)
    if np.any(low > high):
        return None
    chosen = np.where(multiplier == 0, 0, np.clip(multiplier, low, high))
    return Requant(Rounding.SINGLE, tuple(chosen.tolist()), tuple(shift.tolist()))


def _bounds(values: Int64, wanted: Int64, inside: np.ndarray) -> tuple[Int64, Int64]:
    """Return the bounds of m in which ``values * m >= wanted``, one for each channel."""
    divisor = np.where(values == 0, 1, values)
    least = np.where(inside & (values > 0), -(-wanted // divisor), _LEAST)
    most = np.where(inside & (values < 0), wanted // divisor, _MOST)
    most = np.where(inside & (values == 0) & (wanted > 0), 0, most)
    low: Int64 = least.max(axis=0, initial=_LEAST)
    high: Int64 = most.min(axis=0, initial=_MOST)
    return low, high


def stairs_of(values: np.ndarray, numbers: np.ndarray) -> list[tuple[int, int]]:
    """Return where each number begins; ``values`` are consecutive, ``numbers`` do not fall."""
    found = []
    for place in np.flatnonzero(np.diff(numbers)).tolist():
        begin, end = int(numbers[place]), int(numbers[place + 1])
        found += [(int(values[place + 1]), number) for number in range(begin + 1, end + 1)]
    return found
