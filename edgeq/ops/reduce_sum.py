"""The sum over some axes, rescaled from the input's code to the output's.

``y = clamp(requant(sum(x) - count * x_zero) + y_zero)``. LiteRT's reference kernel does this for
uint8, and is wrong for int8: there its builtin kernel counts, which rounds
``sum(x) * f - x_zero * f * count`` half away from zero, each step in float32, ``f`` being the ratio
of the scales (for uint8 too: there one code in forty differs from the reference kernel's, by 1).
The answer only rises with the sum, so that 255 thresholds are all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.ops import _xnnpack
from edgeq.ops._elementwise import rescale
from edgeq.ops._reduction import Reduction, Thresholds, thresholds
from edgeq.ops.base import Arrays, Op, register


@register("reduce_sum")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReduceSum(Reduction):
    """Input: x of any rank. Output: x without ``axes``, or with extents of 1 there.

    ``unsigned``: the codes have been uint8. ``arithmetic`` is a ``Requant`` or ``Thresholds``.
    """

    unsigned: bool = False

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factor ``x_scale / y_scale``, or thresholds."""
        if io.x.dtype.is_float:
            return self
        count = self.bounded_count(io)
        rounding, library = numerics.rounding(self.KIND), numerics.library(self.KIND)
        flat = self.unsigned or io.x.dtype is DType.UINT8
        if flat and library is Library.REFERENCE:
            rounding = numerics.default
        moved = 128 if self.unsigned else 0
        if rounding is Rounding.FLOAT32 and library is not Library.XNNPACK:
            return self.with_arithmetic(
                thresholds(io, count, lambda sums: _float32_codes(sums, io, count, moved))
            )
        factor = io.x.scale / io.y.scale
        requant = rescale(self, factor, rounding, count * 255)
        if library is Library.XNNPACK:
            ratio = _xnnpack.ratio(io.x, io.y)
            return self.with_arithmetic(_xnnpack.reduced(io, requant, count, ratio, moved))
        return self.with_arithmetic(requant)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        total = np.asarray(arrays[0].sum(axis=self.axes, dtype=np.int32))
        if isinstance(self.arithmetic, Thresholds):
            codes = self.arithmetic.codes(total, io.y)
        else:
            numbers: Requant = self.arithmetic
            acc = total - np.int32(self.count(io) * io.x.zero_point)
            scaled = requantize(acc, numbers).astype(np.int64) + io.y.zero_point
            codes = np.clip(scaled, io.y.dtype.min, io.y.dtype.max)
        return (codes.astype(io.y.dtype.numpy).reshape(io.y.shape),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        total = arrays[0].sum(axis=self.axes, dtype=np.float32)
        return (np.asarray(total, np.float32).reshape(io.y.shape),)


def _float32_codes(sums: np.ndarray, io: Operands, count: int, moved: int) -> np.ndarray:
    """Return the codes of sums, without their clamp; ``moved`` has been taken from each code."""
    narrow = np.float32
    with np.errstate(all="ignore"):
        factor = narrow(io.x.scale) / narrow(io.y.scale)
        bias = narrow(-(io.x.zero_point + moved)) * factor * narrow(count)
        real = (sums + moved * count).astype(np.float32) * factor + bias
    rounded = np.copysign(np.floor(np.abs(real.astype(np.float64)) + 0.5), real)
    return rounded + io.y.zero_point
