"""Building blocks of integer arithmetic on arrays; normative text: ``runtime/NUMERICS.md``.

Every function has the name of its C counterpart without ``edgeq_``, broadcasts, and returns
the type that its name ends in. Intermediates are int64, where nothing here can overflow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

S16 = np.iinfo(np.int16)
S32 = np.iinfo(np.int32)


def wide(x: ArrayLike) -> Int64:
    """Return ``x`` as int64."""
    return np.asarray(x, dtype=np.int64)


def wrap_s32(x: Int64) -> Int32:
    """Keep the low 32 bits."""
    return x.astype(np.int32)


def saturate_s32(x: Int64) -> Int32:
    """Clamp to int32."""
    return np.clip(x, S32.min, S32.max).astype(np.int32)


def saturate_s16(x: Int64) -> Int16:
    """Clamp to int16."""
    return np.clip(x, S16.min, S16.max).astype(np.int16)


def clamp_s32(x: ArrayLike, lo: ArrayLike, hi: ArrayLike) -> Int32:
    """Keep ``x`` within ``lo..hi``."""
    return np.minimum(np.maximum(wide(x), lo), hi).astype(np.int32)


def count_leading_zeros_u32(x: ArrayLike) -> Int32:
    """Count the zeros above the highest set bit; 32 for 0.

    >>> count_leading_zeros_u32([0, 1, 2**31]).tolist()
    [32, 31, 0]
    """
    _, length = np.frexp(np.asarray(x, dtype=np.uint32).astype(np.float64))
    return (32 - length).astype(np.int32)


def mulhi_s32(a: ArrayLike, b: ArrayLike) -> Int32:
    """Multiply Q0.31 numbers: ``a * b / 2**31`` rounded half up, saturated.

    Jacob et al. 2017, appendix B (SQRDMULH).

    >>> mulhi_s32([-(2**31), 3], [-(2**31), 2**30]).tolist()
    [2147483647, 2]
    """
    return np.minimum((wide(a) * wide(b) + (1 << 30)) >> 31, S32.max).astype(np.int32)


def mulhi_s16(a: ArrayLike, b: ArrayLike) -> Int16:
    """Multiply Q0.15 numbers: ``a * b / 2**15`` rounded half up, saturated."""
    return np.minimum((wide(a) * wide(b) + (1 << 14)) >> 15, S16.max).astype(np.int16)


def shift_left_sat_s32(x: ArrayLike, e: ArrayLike) -> Int32:
    """Multiply by ``2**e``, e in 0..31, saturated."""
    return saturate_s32(wide(x) << wide(e))


def shift_left_sat_s16(x: ArrayLike, e: ArrayLike) -> Int16:
    """Multiply by ``2**e``, e in 0..15, saturated."""
    return saturate_s16(wide(x) << wide(e))


def round_up(x: Int64, e: Int64) -> Int64:
    """Return ``x / 2**e`` rounded half up; ``|x| + 2**(e-1)`` must fit int64."""
    return (x + ((1 << e) >> 1)) >> e


def round_away(x: Int64, e: Int64) -> Int64:
    """Return ``x / 2**e`` rounded half away from zero."""
    # One less before rounding half up turns the ties of negative numbers outwards.
    return (x + ((1 << e) >> 1) - ((x < 0) & (e > 0))) >> e


def shift_right_up_s32(x: ArrayLike, e: ArrayLike) -> Int32:
    """Divide by ``2**e``, e in 0..31, rounded half up (SRSHL).

    >>> shift_right_up_s32([-12, 12], 3).tolist()
    [-1, 2]
    """
    return round_up(wide(x), wide(e)).astype(np.int32)


def shift_right_away_s32(x: ArrayLike, e: ArrayLike) -> Int32:
    """Divide by ``2**e``, e in 0..31, rounded half away from zero.

    Jacob et al. 2017, appendix B: round-to-nearest as the paper's accuracy needs it.

    >>> shift_right_away_s32([-12, 12], 3).tolist()
    [-2, 2]
    """
    return round_away(wide(x), wide(e)).astype(np.int32)


def shift_right_up_s16(x: ArrayLike, e: ArrayLike) -> Int16:
    """Divide by ``2**e``, e in 0..15, rounded half up."""
    return round_up(wide(x), wide(e)).astype(np.int16)


def shift_right_away_s16(x: ArrayLike, e: ArrayLike) -> Int16:
    """Divide by ``2**e``, e in 0..15, rounded half away from zero."""
    return round_away(wide(x), wide(e)).astype(np.int16)
