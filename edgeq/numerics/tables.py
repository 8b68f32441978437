"""The tables behind int16 logistic, tanh and softmax (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Where the reference's table stands one above the rounded value.
# fmt: off
_ONE_ABOVE = frozenset((
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30,
    31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46, 49, 50, 54, 62,
    63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
))
# fmt: on


def _entry(i: int) -> int:
    # The nearest any value comes to a tie is far above the error of float64.
    rounded = math.floor(65536.0 / (1.0 + math.exp(-i / 24.0)) + 0.5)
    return min(rounded, 65535 - (i in _ONE_ABOVE)) + (i in _ONE_ABOVE)


LOGISTIC_U16 = np.array([_entry(i) for i in range(256)], dtype=np.uint16)
"""``65536 * logistic(i / 24)``, 256 entries."""
LOGISTIC_U16.flags.writeable = False


STEPS = 512
"""Lines between the 513 values of a table of int16 codes."""


def line_table(low: float, high: float, function: Callable[[float], float]) -> NDArray[np.int16]:
    """Return 2^15 times a function at 513 places from ``low`` to ``high``, as int16.

    Each value but the last is moved by half of what the line from it to the next would be off in
    the middle, so that the error of the line is the same on both sides.
    """
    step = (high - low) / STEPS

    def real(place: float) -> float:
        return function(place) * 32768.0

    values = []
    for i in range(STEPS):
        here, after = _round(real(low + i * step)), real(low + (i + 1) * step)
        middle = _round(real(low + i * step + step / 2))
        values.append(here - _round((_round((after + here) / 2) - middle) / 2))
    table = np.clip([*values, _round(real(high))], -32768, 32767).astype(np.int16)
    table.flags.writeable = False
    return table


def _round(x: float) -> float:
    return math.copysign(math.floor(abs(x) + 0.5), x)


EXP_S16 = line_table(-10.0, 0.0, math.exp)
"""e^x for x in -10..0."""
RECIPROCAL_S16 = line_table(0.0, 1.0, lambda x: 1.0 / (1.0 + x))
"""1 / (1 + x) for x in 0..1."""
