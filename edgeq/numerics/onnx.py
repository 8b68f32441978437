"""What ONNX Runtime's kernels of 8-bit codes compute in float32, answer by answer.

Measured against ONNX Runtime 1.31.1 on x86-64 with AVX2, where products and sums of an addition
are fused (``docs/onnx.md``). Every function takes scales as float32 numbers and returns codes of
the type whose bounds it is given.
"""

from __future__ import annotations

import numpy as np

Bounds = tuple[int, int]

_BEYOND = np.float32(2**20)  # far outside any code, well inside int32


def rounded(real: np.ndarray, bounds: Bounds, zero: int = 0) -> np.ndarray:
    """Return ``saturate(round(real) + zero)``, ties to the even number; NaN becomes ``zero``."""
    limited = np.clip(np.where(np.isnan(real), np.float32(0), real), -_BEYOND, _BEYOND)
    return np.clip(np.rint(limited).astype(np.int32) + np.int32(zero), *bounds)


def quantized(real: np.ndarray, scale: float, zero: int, bounds: Bounds) -> np.ndarray:
    """Return the codes of QuantizeLinear: the quotient is rounded to float32 first."""
    with np.errstate(all="ignore"):
        return rounded(np.asarray(real, np.float32) / np.float32(scale), bounds, zero)


def dequantized(codes: np.ndarray, scale: float, zero: int) -> np.ndarray:
    """Return the numbers of DequantizeLinear."""
    with np.errstate(all="ignore"):
        real: np.ndarray = (codes.astype(np.int32) - zero).astype(np.float32) * np.float32(scale)
    return real


def _fused(a: np.ndarray, factor: np.float32, b: np.ndarray) -> np.ndarray:
    """Return ``a * factor + b`` rounded once; ``a`` holds codes."""
    # A code times 24 bits is exact in float64. The sum nearly always is; where it is not, it
    # still has more than twice the bits of float32, and a tie would need the lowest one.
    wide: np.ndarray = a.astype(np.float64) * np.float64(factor) + b.astype(np.float64)
    return wide.astype(np.float32)


def sum_parts(
    scales: tuple[float, float, float], zeros: tuple[int, int, int], codes: np.ndarray
) -> tuple[np.float32, np.ndarray]:
    """Return what QLinearAdd multiplies the first operand by, and the second's term of each code.

    ``round(a * fa + (b * fb + (Z - (Za * fa + Zb * fb))))``, where ``fa`` and ``fb`` are the scales
    over that of the output, ``Z`` its zero point. A product and the sum it is in are rounded once.
    """
    with np.errstate(all="ignore"):
        sa, sb, total = (np.float32(scale) for scale in scales)
        za, zb, zero = (np.asarray(z, np.float32) for z in zeros)
        fa, fb = sa / total, sb / total
        return fa, _fused(codes, fb, zero - _fused(za, fa, zb * fb))


def products(factor: np.float32, zero: int, values: np.ndarray, to: Bounds) -> np.ndarray:
    """Return QLinearMul of products of centred codes: ``round(values * factor + zero)``."""
    with np.errstate(all="ignore"):
        return rounded(values.astype(np.float32) * factor + np.float32(zero), to)


def exponentials(scale: float, length: int) -> np.ndarray:
    """Return the table of QLinearSoftmax: e^(-scale d) for distances d, scaled up, as float32.

    The largest is as far below the largest float32 as the sum of ``length`` of them asks.
    """
    step = np.float64(np.float32(scale))
    # A float32 quotient, whose logarithm is taken in float32 by way of its C++ overload.
    room = np.float64(np.log(np.finfo(np.float32).max / np.float32(length), dtype=np.float64))
    shift = max(0.0, float(room) - 5.0) / step
    exponents = (np.arange(255, -1, -1, dtype=np.float64) - 255 + shift) * step
    with np.errstate(all="ignore"):
        table: np.ndarray = np.exp(exponents).astype(np.float32)
    return table
