"""Weights and biases to codes (Krishnamoorthi 2018, section 2; Jacob et al. 2017, section 2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.quantize.config import Config
from edgeq.quantize.ranges import TINY, round_away, to_codes, to_reals

BIAS_LIMITS = {DType.INT32: 2.0**30, DType.INT64: 2.0**44}
"""A bias beyond leaves too little of the accumulator (32 bits, or 47) to the sum of products."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Weights as int32 codes with their scales; ``low`` and ``high`` bound the codes."""

    codes: np.ndarray
    params: QuantParams
    low: int
    high: int

    @property
    def reals(self) -> np.ndarray:
        """Return the float32 weights that the codes stand for."""
        return to_reals(self.codes, self.params)


def code_weights(
    w: np.ndarray,
    axis: int | None,
    config: Config,
    least: np.ndarray | float = 0.0,
    steps: np.ndarray | None = None,
) -> Coded:
    """Return float weights as codes over their true range.

    ``axis`` has a scale per channel; ``None`` is one scale. The lowest code is left unused, so
    that int8 weights are within -127..127 and products of two fit in 15 bits. ``least`` are
    lower bounds of the scales (see ``least_scales``); ``steps`` are the scales themselves, where
    training has found symmetric ones.
    """
    levels = (1 << (config.weight_bits - 1)) - 1
    middle = 0 if config.dtype is DType.INT8 else 128
    low, high = middle - levels, middle + levels
    others = tuple(i for i in range(w.ndim) if i != axis) if axis is not None else None
    bottom = np.minimum(w.min(axis=others), 0).astype(np.float64).reshape(-1)
    top = np.maximum(w.max(axis=others), 0).astype(np.float64).reshape(-1)
    if steps is not None:
        extent = steps
    elif config.symmetric_weights:
        extent = np.maximum(-bottom, top) / levels
    else:
        extent = (top - bottom) / (high - low)
    scales = _usable(np.maximum(extent, np.asarray(least)))
    zeros = np.full(len(scales), middle)
    if not config.symmetric_weights:
        zeros = np.clip(round_away(low - bottom / scales), low, high).astype(int)
    params = QuantParams(tuple(scales.tolist()), tuple(int(z) for z in zeros), axis)
    return Coded(to_codes(w, params, low, high), params, low, high)


def least_scales(
    bias: np.ndarray, x_scale: float, axis: int | None, dtype: DType
) -> np.ndarray | float:
    """Return the smallest weight scales under which each bias fits its code with room.

    Channels with tiny weights and a large bias need it (as TensorFlow Lite's converter does).
    """
    least = np.abs(bias.astype(np.float64)) / (BIAS_LIMITS[dtype] * x_scale)
    return least if axis is not None else float(least.max(initial=0))


def code_bias(bias: np.ndarray, x_scale: float, weights: QuantParams, dtype: DType) -> np.ndarray:
    """Return the float bias as int32 or int64 codes at input scale times weight scale."""
    steps = np.float64(x_scale) * np.asarray(weights.scale, np.float64)
    codes: np.ndarray = round_away(bias.astype(np.float64) / steps)
    limit = 1.5 * BIAS_LIMITS[dtype]
    return np.clip(codes, -limit, limit).astype(dtype.numpy)


def _usable(scales: np.ndarray) -> np.ndarray:
    """Return float32 scales; channels of zeros alone take the largest scale of the others."""
    fallback = float(scales.max(initial=0)) or 1.0
    chosen = np.maximum(np.where(scales > 0, scales, fallback), TINY)
    narrow: np.ndarray = chosen.astype(np.float32).astype(np.float64)
    return narrow
