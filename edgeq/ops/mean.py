"""The mean over some axes, rescaled from the input's code to the output's.

``y = clamp(requant(sum(x) - count * x_zero) + y_zero)``; one factor holds the scales and the count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import quantize_multiplier, requant_from_scale, requantize
from edgeq.ops._reduction import Reduction
from edgeq.ops.base import Arrays, Op, register


@register("mean")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean(Reduction):
    """Input: x of any rank. Output: x without ``axes``, or with extents of 1 there."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factor ``x_scale / (y_scale * count)``."""
        if io.x.dtype.is_float:
            return self
        count = self.bounded_count(io)
        rounding = numerics.rounding(self.KIND)
        return self.with_arithmetic(mean_requant(io.x.scale, io.y.scale, count, rounding))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        total = arrays[0].sum(axis=self.axes, dtype=np.int32)
        acc = total - np.int32(self.count(io) * io.x.zero_point)
        scaled = requantize(acc, self.arithmetic).astype(np.int64) + io.y.zero_point
        codes = np.clip(scaled, io.y.dtype.min, io.y.dtype.max).astype(io.y.dtype.numpy)
        return (codes.reshape(io.y.shape),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        mean = arrays[0].mean(axis=self.axes, dtype=np.float32)
        return (np.asarray(mean, np.float32).reshape(io.y.shape),)


def mean_requant(x_scale: float, y_scale: float, count: int, rounding: Rounding) -> Requant:
    """Return the factor ``x_scale / (y_scale * count)``.

    The reference quantizes the ratio of the scales, and then divides that integer by the count,
    scaled up first so that 30 bits remain; it truncates there.

    >>> mean_requant(0.5, 0.5, 49, Rounding.GEMMLOWP).multiplier
    (701219150,)
    """
    if rounding is Rounding.FLOAT32:
        return requant_from_scale([x_scale / y_scale / count], rounding)
    multiplier, shift = quantize_multiplier(x_scale / y_scale)
    up = min(count.bit_length() - 1, 31 + shift)
    return Requant(rounding, ((multiplier << up) // count,), (shift - up,))
