"""Between float32 numbers and codes: the same bits on every machine, for every input.

LiteRT defines neither NaN nor quotients beyond 32 bits; here NaN becomes the zero point, like a
zero, and what is out of range saturates.
"""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Tensor

# Beyond the distance of any two codes of 16 bits.
LIMIT = np.float32(1 << 17)


def real_codes(
    x: np.ndarray, y: Tensor, *, scale: float | None = None, half_even: bool = False
) -> np.ndarray:
    """Return ``saturate(round(x / scale) + zero point)`` in the type of ``y``.

    Ties go away from zero, or to the even neighbour. The division is in float32.
    """
    divisor = np.float32(y.scale if scale is None else scale)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        quotient = np.clip(x.astype(np.float32) / divisor, -LIMIT, LIMIT)
    quotient = np.where(np.isnan(quotient), np.float32(0), quotient)
    rounded = np.rint(quotient) if half_even else _half_away(quotient)
    codes = rounded.astype(np.int32) + np.int32(y.zero_point)
    return np.clip(codes, y.dtype.min, y.dtype.max).astype(y.dtype.numpy)


def reciprocal_codes(
    x: np.ndarray, y: Tensor, scale: float, reciprocal: float, tail: int
) -> np.ndarray:
    """Return ``saturate(round(x * reciprocal) + zero point)``, half to even.

    The last ``tail`` numbers are divided by ``scale`` in float64 and rounded half away.
    """
    flat = np.where(np.isnan(x), np.float32(0), x).astype(np.float32).reshape(-1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product = np.clip(flat * np.float32(reciprocal), -LIMIT, LIMIT)
        quotient = np.clip(flat.astype(np.float64) / scale, -LIMIT, LIMIT)
    body = flat.size - tail
    rounded = np.concatenate([np.rint(product[:body]), _half_away(quotient[body:])])
    codes = np.clip(rounded.astype(np.int32) + np.int32(y.zero_point), y.dtype.min, y.dtype.max)
    return codes.astype(y.dtype.numpy).reshape(x.shape)


def _half_away(x: np.ndarray) -> np.ndarray:
    whole = np.trunc(x)
    # The remainder is exact; adding one half to x would not be.
    return whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)


def product_reals(x: np.ndarray, scale: float, offset: float, unsigned: bool) -> np.ndarray:
    """Return ``scale * code + offset`` of codes, which may have been ``unsigned``, in float32."""
    codes = x.astype(np.int32) + np.int32(128 if unsigned else 0)
    with np.errstate(over="ignore", under="ignore"):
        y: np.ndarray = codes.astype(np.float32) * np.float32(scale) + np.float32(offset)
    return y


def reals(codes: np.ndarray, x: Tensor, scale: tuple[float, ...] | None = None) -> np.ndarray:
    """Return ``scale * (code - zero point)`` in float32, per channel where ``x`` is."""
    if x.quant is None:
        raise ValueError(f"tensor '{x.name}' has no quantization")
    factor = np.asarray(x.quant.scale if scale is None else scale, np.float32)
    zero = np.asarray(x.quant.zero_point, np.int64)
    if x.quant.axis is not None:
        along = [-1 if i == x.quant.axis else 1 for i in range(len(x.shape))]
        factor, zero = factor.reshape(along), zero.reshape(along)
    with np.errstate(over="ignore", under="ignore"):
        return ((codes.astype(np.int64) - zero).astype(np.float32) * factor).astype(np.float32)
