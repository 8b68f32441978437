"""How XNNPACK forms the numbers of codes that change their scale, and which it takes.

Its multipliers are short integers, so that all but the last rounding is exact: ``Rounding.SINGLE``
with these numbers gives its bits. Ratios of scales are float32.
"""

from __future__ import annotations

import math

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import requant_from_scale, requantize
from edgeq.ops._reduction import Thresholds, thresholds

_FRACTION = 8
_SUM_BITS = 20
HEADROOM = 20
"""Zero bits below each code of a sum."""


def ratio(x: Tensor, y: Tensor) -> float:
    """Return how many codes of ``y`` one of ``x`` is worth."""
    with np.errstate(all="ignore"):
        return float(np.float32(x.scale) / np.float32(y.scale))


def takes_ratio(value: float, low: float, high: float) -> bool:
    """Tell whether a ratio is in the range that the delegate accepts, both ends included."""
    return low <= value <= high


def narrow_requant(factor: float) -> Requant:
    """Return ``(x * round(256 * factor) + 128) >> 8`` as a requantizer.

    >>> narrow_requant(0.3).multiplier, narrow_requant(0.3).shift
    ((1291845632,), (-1,))
    """
    steps = float(np.rint(np.float32(1 << _FRACTION) * np.float32(factor)))
    return requant_from_scale([steps / (1 << _FRACTION)], Rounding.SINGLE)


def takes_sum(ins: tuple[Tensor, ...], y: Tensor) -> bool:
    """Tell whether the delegate adds these."""
    return all(2.0**-10 <= ratio(x, y) < 2.0**8 for x in ins)


def sum_requants(ins: tuple[Tensor, ...], y: Tensor) -> tuple[tuple[Requant, Requant], Requant]:
    """Return the rescalings of the terms, whose codes have 20 zero bits below, and of their sum.

    The larger ratio becomes an integer of 21 bits, the other has the same unit.
    """
    ratios = [ratio(x, y) for x in ins]
    shift = _SUM_BITS + 1 - math.frexp(max(ratios))[1]
    steps = [float(np.rint(np.ldexp(np.float32(value), shift))) for value in ratios]
    first, second = (
        requant_from_scale([value / (1 << HEADROOM)], Rounding.SINGLE) for value in steps
    )
    return (first, second), requant_from_scale([2.0**-shift], Rounding.SINGLE)


def reduced(
    io: Operands, requant: Requant, count: int, factor: float, moved: int
) -> Requant | Thresholds:
    """Return the arithmetic of a sum of ``count`` codes, times ``factor``.

    The zero point is added in float32 before that is rounded to the even neighbour. ``requant``,
    which knows no zero points, is the answer where it gives the same. ``moved`` is what has been
    taken from each code when uint8 became int8.
    """
    narrow, x_zero, y_zero = np.float32, io.x.zero_point, io.y.zero_point
    with np.errstate(all="ignore"):
        scale = narrow(factor)
        bias = narrow(y_zero + moved) - narrow(x_zero + moved) * narrow(count) * scale

    def codes_of(sums: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.rint((sums + moved * count).astype(narrow) * scale + bias) - moved

    def plain_codes(sums: np.ndarray) -> np.ndarray:
        centred = (sums - count * x_zero).astype(np.int32)
        return requantize(centred, requant).astype(np.int64) + y_zero

    found, plain = (thresholds(io, count, codes) for codes in (codes_of, plain_codes))
    return requant if np.array_equal(found.sums, plain.sums) else found
