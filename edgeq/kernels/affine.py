"""Functions of one code and a constant of its channel as affine forms, proven on all codes.

``y = clamp((P * x + C) >> n)`` with P and C of each channel, cut into digits of 8 bits as in
``edgeq.kernels.linear``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul

BITS = 8
DIGITS = (2, 3)
CODES = np.arange(-128, 128)
FRACTIONS = (7, 6, 5, 4, 3, 2, 1)
"""Bits below the point of the highest digit's sums."""
NEIGHBOURS = np.arange(-8, 9)
"""Which factors beside the ratio of the scales are tried."""
UNBOUNDED = 1 << 60


@dataclass(frozen=True, slots=True, eq=False)
class AffineForm:
    """A proven form; each tuple begins with the highest digit, each array has all channels.

    From the lowest digit on: ``t = x * digits[i] + carry + constants[i]`` and ``carry = t >> 8``,
    where the lowest of three adds no constant; the code is ``t >> fraction`` of the highest. Each
    ``t`` fits 16 bits.
    """

    digits: tuple[np.ndarray, ...]
    constants: tuple[np.ndarray, ...]
    fraction: int


def affine_form(op: Add | Mul, io: Operands, lowest: int) -> AffineForm | None:
    """Return the form of a constant for each channel, or ``None``.

    Codes are counted from ``lowest``: -128 for int8, 0 for codes whose first bit was flipped.
    """
    channels = io.y.shape[-1] if io.y.shape else 0
    x0, x1 = io.ins
    fits = io.x.dtype is DType.INT8 and x1.is_constant and x0.elements == io.y.elements
    if not fits or channels != x1.elements or x1.shape[-1:] != (channels,):
        return None
    codes = CODES.astype(np.int8)
    y = op.evaluate(io, (codes[:, None], x1.array.reshape(1, -1)))[0].astype(np.int64).T
    ratio = x0.scale / io.y.scale
    slopes = np.full(channels, ratio)
    if isinstance(op, Mul):
        slopes *= x1.scale * (x1.array.reshape(-1).astype(np.float64) - x1.zero_point)
    for digits in DIGITS:
        for fraction in FRACTIONS:
            form = _form(
                y, slopes, (op.arithmetic.low, op.arithmetic.high), digits, fraction, lowest
            )
            if form is not None:
                return form
    return None


def _form(
    y: np.ndarray,
    slopes: np.ndarray,
    clamp: tuple[int, int],
    digits: int,
    fraction: int,
    lowest: int,
) -> AffineForm | None:
    """Return a form of so many digits: the factor of each channel whose constant is freest."""
    point = fraction + BITS * (digits - 1)
    near = np.rint(slopes * (1 << point)).astype(np.int64)
    x = CODES + 128 + lowest
    rest = (y << point) - near[:, None] * x
    least = np.where(y > clamp[0], rest, -UNBOUNDED)[:, None] - NEIGHBOURS[:, None] * x
    most = np.where(y < clamp[1], rest + ((1 << point) - 1), UNBOUNDED)[:, None]
    most = most - NEIGHBOURS[:, None] * x
    step = 1 << BITS * (digits - 2)
    highs = most.min(axis=-1)
    # A channel whose answers are all the least has no lower bound: any number near does.
    lows = least.max(axis=-1)
    lows = np.where(lows > -UNBOUNDED >> 1, lows, highs - (1 << point))
    constants = -(-lows // step) * step
    chosen = np.argmax(highs - constants, axis=-1)
    factors = near + NEIGHBOURS[chosen]
    offsets = constants[np.arange(len(y)), chosen]
    sums = factors[:, None] * x + offsets[:, None]
    if not np.array_equal(np.clip(sums >> point, *clamp), y):
        return None
    return _cut(factors, offsets, sums >> point - fraction, digits, fraction)


def _cut(
    factors: np.ndarray, offsets: np.ndarray, tops: np.ndarray, digits: int, fraction: int
) -> AffineForm | None:
    """Return a form in digits, or ``None`` when something leaves its bits."""
    parts, added = [], []
    for _ in range(digits - 1):
        low = ((factors + 128) & 255) - 128
        parts.append(low)
        added.append(offsets & 255)
        factors, offsets = (factors - low) >> BITS, offsets >> BITS
    highest = ((factors, 8), (offsets, 16), (tops, 16))
    if any(
        (values >= 1 << bits - 1).any() or (values < -1 << bits - 1).any()
        for values, bits in highest
    ):
        return None
    return AffineForm(
        tuple(part.astype(np.int8) for part in (factors, *reversed(parts))),
        tuple(part.astype(np.int16) for part in (offsets, *reversed(added))),
        fraction,
    )
