"""Where axes have their marks."""

from __future__ import annotations

import math

_MARKS = 5  # about so many on an axis


def byte_ticks(top: int) -> list[int]:
    """Return round numbers of bytes from 0 up to ``top``.

    >>> byte_ticks(23072)
    [0, 8192, 16384]
    """
    step = 1
    while top / step > _MARKS:
        step *= 2
    return list(range(0, top + 1, step))


def step_ticks(count: int, marks: int = 12) -> list[int]:
    """Return every so-many-th of ``count`` indices.

    >>> step_ticks(5), step_ticks(40)
    ([0, 1, 2, 3, 4], [0, 5, 10, 15, 20, 25, 30, 35])
    """
    step = next(s for s in _steps() if count / s <= marks)
    return list(range(0, count, step))


def real_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``.

    >>> real_ticks(0, 47)
    [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    extent = max(high - low, 1e-12)
    power = 10.0 ** math.floor(math.log10(extent))
    step = next(power * f for f in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if extent / (power * f) <= _MARKS)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [step * i for i in range(first, last + 1)]


def _steps() -> list[int]:
    return [base * 10**power for power in range(9) for base in (1, 2, 5)]
