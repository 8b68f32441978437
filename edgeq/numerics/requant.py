"""Requantizers: ``acc * multiplier * 2**(shift - 31)`` (``runtime/NUMERICS.md``, 4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics.fixed_point import Int32, Int64, round_away, round_up, wide, wrap_s32

# The largest float32 below 2^31.
FLOAT32_LIMIT = np.float32(2**31 - 128)


def _high(acc: ArrayLike, multiplier: ArrayLike) -> Int64:
    """Return ``acc * multiplier / 2**31`` rounded half up; no case saturates."""
    product = wide(acc) * wide(multiplier)
    product += 1 << 30
    product >>= 31
    return product


def _shifted(acc: ArrayLike, shift: Int64) -> Int64:
    """Return ``acc`` shifted left where ``shift`` is positive, in 32 bits that wrap."""
    left = np.maximum(shift, 0)
    if not left.any():
        return wide(acc)
    return wide(wrap_s32(wide(acc) << left))


def requant_gemmlowp_right_s32(acc: ArrayLike, multiplier: ArrayLike, right: ArrayLike) -> Int32:
    """Rescale with two roundings, half up then half away from zero; ``right`` in 0..31."""
    return round_away(_high(acc, multiplier), wide(right)).astype(np.int32)


def requant_half_up_right_s32(acc: ArrayLike, multiplier: ArrayLike, right: ArrayLike) -> Int32:
    """Rescale with two roundings, both half up; ``right`` in 0..31."""
    return round_up(_high(acc, multiplier), wide(right)).astype(np.int32)


def requant_single_right_s32(acc: ArrayLike, multiplier: ArrayLike, right: ArrayLike) -> Int32:
    """Rescale with one rounding, half up; ``right`` in 0..31."""
    return wrap_s32(round_up(wide(acc) * wide(multiplier), wide(right) + 31))


def requant_gemmlowp_s32(acc: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int32:
    """Rescale with two roundings, half up then half away from zero; ``shift`` in -31..30.

    Jacob et al. 2017, section 2.2, as gemmlowp and the TensorFlow Lite reference compute it.

    >>> requant_gemmlowp_s32([-384, 384], 1 << 30, -7).tolist()
    [-2, 2]
    """
    shift = wide(shift)
    return requant_gemmlowp_right_s32(_shifted(acc, shift), multiplier, np.maximum(-shift, 0))


def requant_half_up_s32(acc: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int32:
    """Rescale with two roundings, both half up; ``shift`` in -31..30."""
    shift = wide(shift)
    return requant_half_up_right_s32(_shifted(acc, shift), multiplier, np.maximum(-shift, 0))


def requant_single_s32(acc: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int32:
    """Rescale with one rounding, half up; ``shift`` in -31..30, low 32 bits kept.

    >>> requant_single_s32([-384, 384], 1 << 30, -7).tolist()
    [-1, 2]
    """
    return wrap_s32(round_up(wide(acc) * wide(multiplier), 31 - wide(shift)))


def requant_float32_s32(acc: ArrayLike, scale: ArrayLike) -> Int32:
    """Multiply in float32, round half to even, saturate at ``+-(2**31 - 128)``.

    >>> requant_float32_s32([-384, -640, 640], 2.0**-8).tolist()
    [-2, -2, 2]
    """
    with np.errstate(over="ignore", under="ignore"):
        product = np.asarray(acc).astype(np.float32) * np.asarray(scale, dtype=np.float32)
    return np.clip(np.rint(product), -FLOAT32_LIMIT, FLOAT32_LIMIT).astype(np.int32)


def requant_s64(acc: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> Int32:
    """Rescale an int64 accumulator of the 16x8 path by a 16-bit multiplier, half up.

    ``|acc| < 2**47``, ``shift`` in -31..7; low 32 bits kept.
    """
    return wrap_s32(round_up(wide(acc) * _reduced(multiplier), 15 - wide(shift)))


def _reduced(multiplier: ArrayLike) -> Int64:
    return np.minimum((wide(multiplier) + (1 << 15)) >> 16, 0x7FFF)


def reduced_multipliers(requant: Requant) -> tuple[Int64, Int64]:
    """Return the 16-bit multipliers of int64 accumulators, and how far products are shifted."""
    return _reduced(requant.multiplier), 15 - wide(requant.shift)


BY_ROUNDING: dict[Rounding, Callable[[ArrayLike, ArrayLike, ArrayLike], Int32]] = {
    Rounding.GEMMLOWP: requant_gemmlowp_s32,
    Rounding.HALF_UP: requant_half_up_s32,
    Rounding.SINGLE: requant_single_s32,
}


def _entries(values: tuple[float, ...], dtype: type, rank: int, axis: int) -> np.ndarray:
    """Return channel entries shaped to broadcast along ``axis``; one entry as a scalar."""
    entries: np.ndarray = np.asarray(values, dtype=dtype)
    if entries.size == 1:
        return entries.reshape(())
    return entries.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def requantize(acc: Int32 | Int64, requant: Requant, axis: int = -1) -> Int32:
    """Rescale accumulators by the rounding that ``requant`` names.

    Entries per channel run along ``axis``. The zero point and clamp are the caller's. Raise
    ``TypeError`` for accumulators that int32 does not hold, but under ``Rounding.WIDE``.
    """
    if requant.rounding is Rounding.WIDE:
        return requantize_s64(wide(acc), requant, axis)
    narrow = np.asarray(acc).astype(np.int32, casting="safe", copy=False)
    if requant.rounding is Rounding.FLOAT32:
        return requant_float32_s32(narrow, _entries(requant.scale, np.float32, narrow.ndim, axis))
    multiplier = _entries(requant.multiplier, np.int64, narrow.ndim, axis)
    shift = _entries(requant.shift, np.int64, narrow.ndim, axis)
    scaled = BY_ROUNDING[requant.rounding](narrow, multiplier, shift)
    if not requant.tail:
        return scaled
    away = requant_gemmlowp_s32(narrow, multiplier, shift)
    along = np.arange(narrow.shape[axis]) >= narrow.shape[axis] - requant.tail
    places = [-1 if i == axis % narrow.ndim else 1 for i in range(narrow.ndim)]
    return np.where(along.reshape(places), away, scaled)


def requantize_s64(acc: Int64, requant: Requant, axis: int = -1) -> Int32:
    """Rescale int64 accumulators (16x8 path), which all integer roundings share."""
    acc = np.asarray(acc)
    multiplier = _entries(requant.multiplier, np.int64, acc.ndim, axis)
    return requant_s64(acc, multiplier, _entries(requant.shift, np.int64, acc.ndim, axis))
