"""Sums of two codes as one linear form in small integers, proven on all pairs of codes.

The reference rescales three times. What comes of it nearly always equals, for each of the 65,536
pairs, ``clamp((P * x0 + Q * x1 + C) >> n)`` with some P and Q next to the ratios of the scales:
they are searched here, and the answers compared one by one. P and Q are then cut into digits of
8 bits or less, so that no sum on the way leaves 16 bits, in which a vector holds twice as many:
``(high + (low >> s)) >> t`` is ``((high << s) + low) >> (s + t)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.numerics import requantize
from edgeq.ops.add import HEADROOM, Add, Sum

CODES = np.arange(-128, 128)
FRACTIONS = (7, 6, 5, 4)
"""Bits below the point of the highest digit's sums: 16 bits hold +-256 codes, or more."""
REACH = {2: 1, 3: 8, 4: 8}
"""How far from the ratio of the scales coefficients are tried, by the number of digits."""
TIGHTEST = 32
"""How many bounds are compared in each direction before the answers are."""
TRIALS = 12
"""How many coefficients whose bounds agree are tried."""
FARTHEST = 4 * 128
"""How far two bounds can move towards each other between neighbours, one up and one down."""
UNBOUNDED = 1 << 60
LEAST, MOST = -(1 << 15), (1 << 15) - 1

Form = tuple[int, int, int]
"""P, Q and C."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a coefficient is cut: ``bits`` of each digit but the highest, from above.

    Signed digits are int8; others are 0 or more, and the highest is uint8.
    """

    bits: tuple[int, ...]
    signed: bool


@dataclass(frozen=True, slots=True)
class LinearSum:
    """A proven form; each tuple begins with the highest digit.

    From the lowest digit on: ``t = x0 * digits[i][0] + x1 * digits[i][1] + carry + constants[i]``
    and ``carry = t >> bits[i - 1]``; the code is ``t >> fraction`` of the highest, clamped.
    """

    digits: tuple[tuple[int, int], ...]
    constants: tuple[int, ...]
    bits: tuple[int, ...]
    fraction: int


def linear_sum(op: Add, io: Operands, schemes: Sequence[Scheme]) -> LinearSum | None:
    """Return the form of the first scheme that has one, or ``None``."""
    tensors = (*io.ins, io.y)
    zeros = tuple(tensor.zero_point for tensor in tensors)
    return _found(op.arithmetic, zeros, tuple(t.scale for t in tensors), tuple(schemes))


@lru_cache(maxsize=256)
def _found(
    numbers: Sum, zeros: tuple[int, ...], scales: tuple[float, ...], schemes: tuple[Scheme, ...]
) -> LinearSum | None:
    y = _answers(numbers, zeros)
    clamp = numbers.low, numbers.high
    ratios = [scale / scales[-1] for scale in scales[:-1]]
    for scheme in schemes:
        for fraction in FRACTIONS:
            point = fraction + sum(scheme.bits)
            for form in _forms(y, ratios, point, clamp, scheme):
                cut = _cut(form, scheme, fraction)
                if cut is not None and np.array_equal(_codes(form, point, clamp), y):
                    return cut
    return None


def _answers(numbers: Sum, zeros: tuple[int, ...]) -> np.ndarray:
    """Return the reference's answer to each pair of codes."""
    first, second = (
        requantize((CODES - zero << HEADROOM).astype(np.int32), requant)
        for zero, requant in zip(zeros, numbers.terms, strict=False)
    )
    total = requantize(first[:, None] + second, numbers.total)
    return np.clip(total.astype(np.int64) + zeros[-1], numbers.low, numbers.high)


def _codes(form: Form, point: int, clamp: tuple[int, int]) -> np.ndarray:
    p, q, c = form
    return np.clip(((p * CODES + c)[:, None] + q * CODES) >> point, *clamp)


# ---- Coefficients -------------------------------------------------------------------------


def _forms(
    y: np.ndarray, ratios: Sequence[float], point: int, clamp: tuple[int, int], scheme: Scheme
) -> Iterator[Form]:
    """Yield some P, Q and C with ``point`` bits below the point that may give the answers ``y``.

    An answer v bounds C by ``v << point <= P * x0 + Q * x1 + C < (v + 1) << point``; one that was
    clamped has no bound on that side. Only the tightest bounds are compared.
    """
    p, q = (round(ratio * (1 << point)) for ratio in ratios)
    rest = (y << point) - (p * CODES[:, None] + q * CODES)
    least = np.where(y > clamp[0], rest, -UNBOUNDED)
    most = np.where(y < clamp[1], rest + ((1 << point) - 1), UNBOUNDED)
    digits = len(scheme.bits) + 1
    reach = REACH[digits]
    if least.max() - most.min() > FARTHEST * reach:
        return
    near = np.arange(-reach, reach + 1)
    lows = _moved(least.ravel(), _tightest(least.ravel(), reach), near).max(axis=-1)
    highs = _moved(most.ravel(), _tightest(-most.ravel(), reach), near).min(axis=-1)
    # Of three digits or more, the lowest adds no constant.
    step = 1 << scheme.bits[-1] if digits > 2 else 1
    constants = -(-lows // step) * step
    found = np.argwhere(constants <= highs)
    # The widest first: they are the likeliest to hold for all other pairs.
    order = np.argsort((lows - highs)[tuple(found.T)], kind="stable")
    for i, j in found[order[:TRIALS]]:
        yield p + int(i) - reach, q + int(j) - reach, int(constants[i, j])


def _tightest(bounds: np.ndarray, reach: int) -> np.ndarray:
    """Return the places of the largest bounds, and of what is largest for other coefficients."""
    places = np.flatnonzero(bounds >= bounds.max() - FARTHEST * reach)
    moved = _moved(bounds, places, np.arange(-reach, reach + 1, reach)).reshape(9, -1)
    count = min(TIGHTEST, len(places))
    return places[np.unique(np.argpartition(moved, -count, axis=-1)[:, -count:])]


def _moved(bounds: np.ndarray, places: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return the bounds on C at some pairs of codes when P and Q change by each of ``near``."""
    x0, x1 = CODES[places // len(CODES)], CODES[places % len(CODES)]
    return (bounds[places] - near[:, None] * x0)[:, None] - near[:, None] * x1


# ---- Digits -------------------------------------------------------------------------------


def _cut(form: Form, scheme: Scheme, fraction: int) -> LinearSum | None:
    """Return a form in digits, or ``None`` when something may leave its bits."""
    *coefficients, constant = form
    bits = scheme.bits
    columns = [_digits(value, bits, scheme.signed) for value in coefficients]
    low, high = (-128, 127) if scheme.signed else (0, 255)
    if not all(low <= column[0] <= high for column in columns):
        return None
    cut = LinearSum(
        tuple(zip(*columns, strict=True)),
        tuple(_digits(constant, bits, signed=False)),
        bits,
        fraction,
    )
    return cut if _stays(cut) else None


def _digits(value: int, bits: Sequence[int], signed: bool) -> list[int]:
    """Return the digits of a number, the highest first.

    >>> _digits(1000, (8,), True), _digits(1000, (8,), False)
    ([4, -24], [3, 232])
    """
    digits = []
    for width in reversed(bits):
        half = 1 << (width - 1) if signed else 0
        digit = ((value + half) & ((1 << width) - 1)) - half
        digits.append(digit)
        value = (value - digit) >> width
    return [value, *reversed(digits)]


def _stays(form: LinearSum) -> bool:
    """Tell whether no sum can leave 16 bits."""
    carry = (0, 0)
    for level in reversed(range(len(form.digits))):
        ends = [sorted((-128 * digit, 127 * digit)) for digit in form.digits[level]]
        products = tuple(map(sum, zip(*ends, strict=True)))
        sums = [part + more for part, more in zip(products, carry, strict=True)]
        totals = [part + form.constants[level] for part in sums]
        if not all(LEAST <= end <= MOST for end in (*products, *sums, *totals)):
            return False
        shift = form.bits[level - 1] if level else form.fraction
        carry = (totals[0] >> shift, totals[1] >> shift)
    return True
