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
from edgeq.ops._elementwise import rescale
from edgeq.ops._reduction import Reduction
from edgeq.ops.base import Arrays, Op, register

NEVER = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The smallest sum of codes that gives at least each code above the lowest."""

    sums: np.ndarray


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
        if rounding is Rounding.FLOAT32 and library is not Library.XNNPACK:
            return self.with_arithmetic(_thresholds(io, count, 128 if self.unsigned else 0))
        factor = io.x.scale / io.y.scale
        return self.with_arithmetic(rescale(self, factor, rounding, count * 255))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        total = np.asarray(arrays[0].sum(axis=self.axes, dtype=np.int32))
        if isinstance(self.arithmetic, Thresholds):
            reached = np.searchsorted(self.arithmetic.sums, total, side="right")
            codes = reached + io.y.dtype.min
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


def _thresholds(io: Operands, count: int, moved: int) -> Thresholds:
    """Return the thresholds, found by halving; those beyond any sum are the largest int32.

    ``moved`` is what has been taken from each code.
    """
    x, y = io.x, io.y
    wanted = np.arange(y.dtype.min + 1, y.dtype.max + 1)
    low = np.full(wanted.shape, count * x.dtype.min, np.int64)
    high = np.full(wanted.shape, count * x.dtype.max + 1, np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        enough = _float32_codes(middle, io, count, moved) >= wanted
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    never = low > count * x.dtype.max
    return Thresholds(np.where(never, NEVER, low).astype(np.int32))


def _float32_codes(sums: np.ndarray, io: Operands, count: int, moved: int) -> np.ndarray:
    """Return the codes of sums, without their clamp."""
    narrow = np.float32
    with np.errstate(all="ignore"):
        factor = narrow(io.x.scale) / narrow(io.y.scale)
        bias = narrow(-(io.x.zero_point + moved)) * factor * narrow(count)
        real = (sums + moved * count).astype(np.float32) * factor + bias
    rounded = np.copysign(np.floor(np.abs(real.astype(np.float64)) + 0.5), real)
    return rounded + io.y.zero_point
