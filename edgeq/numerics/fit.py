"""Integer requantizers that equal a rule in float32 for every value that can occur.

A rescaling and its clamp form a staircase: what matters is only at which value each code begins.
A requantizer with one rounding has the same stairs when its multiplier lies between bounds that
follow from them, so none has to be searched for, and none is taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics.multiplier import quantize_multiplier

_LEAST, _MOST = 1 << 30, (1 << 31) - 1


def fitted(factor: float, stairs: Iterable[tuple[int, int]]) -> Requant | None:
    """Return the requantizer of about ``factor``, one rounding, that has these stairs.

    Each of ``stairs`` is a value and the number, zero point taken off, that begins there: it gives
    that number or more, the value before it less. ``None`` where no multiplier does.
    """
    if not factor > 0:
        return None
    multiplier, shift = quantize_multiplier(factor)
    bits = 31 - shift
    if multiplier == 0 or bits < 1:
        return None
    low, high, half = _LEAST, _MOST, 1 << (bits - 1)
    for value, number in stairs:
        wanted = (number << bits) - half
        # value * m >= wanted, and (value - 1) * m < wanted, which is <= wanted - 1.
        low, high = _at_least(value, wanted, low, high)
        low, high = _at_least(1 - value, 1 - wanted, low, high)
    if low > high:
        return None
    return Requant(Rounding.SINGLE, (min(max(multiplier, low), high),), (shift,))


def _at_least(value: int, wanted: int, low: int, high: int) -> tuple[int, int]:
    """Return the bounds of m narrowed to ``value * m >= wanted``."""
    if value > 0:
        return max(low, -(-wanted // value)), high
    if value < 0:
        return low, min(high, wanted // value)
    return (low, high) if wanted <= 0 else (1, 0)


def stairs_of(values: np.ndarray, numbers: np.ndarray) -> list[tuple[int, int]]:
    """Return where each number begins; ``values`` are consecutive, ``numbers`` do not fall."""
    found = []
    for place in np.flatnonzero(np.diff(numbers)).tolist():
        begin, end = int(numbers[place]), int(numbers[place + 1])
        found += [(int(values[place + 1]), number) for number in range(begin + 1, end + 1)]
    return found
