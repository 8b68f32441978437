"""Real ranges to scales and zero points, and real numbers to codes (Jacob et al. 2017, 2.1).

All scales are float32 numbers, as model files hold them.
"""

from __future__ import annotations

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType

Range = tuple[float, float]

# Below, a scale per channel would be no normal float32 number with room for its reciprocal.
TINY = 2.0**-100


def round_away(x: np.ndarray) -> np.ndarray:
    """Return ``x`` rounded to integers, halves away from zero."""
    rounded: np.ndarray = np.copysign(np.floor(np.abs(x) + 0.5), x)
    return rounded


def activation_params(
    span: Range, dtype: DType, *, symmetric: bool, where: str, bits: int = 8
) -> QuantParams:
    """Return the code of activations in ``span``, widened to hold 0.

    Affine: ``scale = (high - low) / 255``, and the zero point is the code nearest to 0, which is
    then exact. Symmetric: ``scale = max(-low, high) / 127`` and the middle code stands for 0.
    With fewer ``bits`` than 8 these are the top ``2**bits`` codes of the type. Raise
    ``QuantizationError`` where the range is the point 0.
    """
    low, high = min(span[0], 0.0), max(span[1], 0.0)
    if not np.isfinite([low, high]).all():
        raise QuantizationError("the values are not finite", where=where)
    steps = (1 << bits) - 1
    lowest = dtype.max - steps
    extent = max(-low, high) / (steps // 2) if symmetric else (high - low) / steps
    scale = float(np.float32(extent))
    if scale <= 0:
        raise QuantizationError(
            "every value is 0: the range collapses to a point",
            where=where,
            hint="calibrate with more samples; a tensor that is always 0 needs no quantization",
        )
    if symmetric:
        return QuantParams.per_tensor(scale, (lowest + dtype.max + 1) // 2)
    zero = float(round_away(np.asarray(lowest - low / scale)))
    return QuantParams.per_tensor(scale, int(min(max(zero, lowest), dtype.max)))


def to_codes(x: np.ndarray, params: QuantParams, low: int, high: int) -> np.ndarray:
    """Return ``clamp(round(x / scale) + zero, low, high)`` as int32, per channel where there are.

    Halves go away from zero, as in ``edgeq.ops.quantize``.
    """
    scale, zero = (_spread(v, params, x.ndim) for v in (params.scale, params.zero_point))
    codes = round_away(x.astype(np.float64) / scale) + zero
    clamped: np.ndarray = np.clip(codes, low, high).astype(np.int32)
    return clamped


def to_reals(codes: np.ndarray, params: QuantParams) -> np.ndarray:
    """Return ``scale * (codes - zero)`` as float32."""
    scale, zero = (_spread(v, params, codes.ndim) for v in (params.scale, params.zero_point))
    reals: np.ndarray = ((codes.astype(np.float64) - zero) * scale).astype(np.float32)
    return reals


def _spread(values: tuple[float, ...], params: QuantParams, rank: int) -> np.ndarray:
    """Return one number, or one per channel along the axis of ``params``."""
    array = np.asarray(values, np.float64)
    if params.axis is None:
        return array[0]
    return array.reshape([-1 if axis == params.axis else 1 for axis in range(rank)])
