"""The mean over some axes, rescaled from the input's code to the output's.

``y = clamp(requant(sum(x) - count * x_zero) + y_zero)``; one factor holds the scales and the count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import quantize_multiplier, requant_from_scale, requantize
from edgeq.ops import _xnnpack
from edgeq.ops._elementwise import CODES
from edgeq.ops._reduction import OffsetSum, Reduction, Thresholds
from edgeq.ops.base import Arrays, Op, register

VECTOR = 16
"""Channels that LiteRT's builtin kernel rescales at once."""


@register("mean")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean(Reduction):
    """Input: x of any rank. Output: x without ``axes``, or with extents of 1 there.

    ``unsigned``: the codes have been uint8. ``arithmetic`` is a ``Requant``, an ``OffsetSum``
    or ``Thresholds``.
    """

    CODES: ClassVar[tuple[DType, ...]] = CODES

    unsigned: bool = False

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factor ``x_scale / (y_scale * count)``."""
        if io.x.dtype.is_float:
            return self
        count = self.bounded_count(io)
        rounding = numerics.rounding(self.KIND)
        of_image = self.keep_dims and len(io.x.shape) == 4 and sorted(self.axes) == [1, 2]
        if numerics.library(self.KIND) is Library.BUILTIN and of_image:
            return self.with_arithmetic(self._offset_sum(io, count))
        requant = mean_requant(io.x.scale, io.y.scale, count, rounding)
        if numerics.library(self.KIND) is Library.XNNPACK:
            ratio = _xnnpack.ratio(io.x, io.y)
            factor = float(np.float32(1) / np.float32(count) * np.float32(ratio))
            return self.with_arithmetic(
                _xnnpack.reduced(io, requant, count, factor, 128 if self.unsigned else 0)
            )
        return self.with_arithmetic(requant)

    def _offset_sum(self, io: Operands, count: int) -> OffsetSum:
        """Return the numbers of LiteRT's builtin kernel for images: the sum is that of raw codes.

        Its factor and the rescaled zero point are formed in float32.
        """
        narrow, moved = np.float32, 128 if self.unsigned else 0
        x_scale, y_scale = narrow(io.x.scale), narrow(io.y.scale)
        with np.errstate(all="ignore"):
            factor = float(x_scale / (narrow(count) * y_scale))
            zero = narrow(io.x.zero_point + moved) * x_scale / y_scale
        requant = replace(
            requant_from_scale([factor], Rounding.HALF_UP), tail=io.x.shape[3] % VECTOR
        )
        if self.unsigned or io.x.dtype is DType.UINT8:
            requant = replace(requant, tail=0)  # no sum is negative
        return OffsetSum(requant, -moved * count, io.y.zero_point - int(np.rint(zero)))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        total = np.asarray(arrays[0].sum(axis=self.axes, dtype=np.int32))
        if isinstance(self.arithmetic, Thresholds):
            reached = self.arithmetic.codes(total, io.y)
            return (reached.astype(io.y.dtype.numpy).reshape(io.y.shape),)
        numbers = self.numbers(io)
        acc = np.atleast_1d(total - np.int32(numbers.counted))
        scaled = requantize(acc, numbers.requant).astype(np.int64) + numbers.offset
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
