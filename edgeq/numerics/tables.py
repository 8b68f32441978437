"""The table behind int16 logistic and tanh (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

import math

import numpy as np

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
