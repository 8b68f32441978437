"""Softmax over the last axis in fixed point (``runtime/NUMERICS.md``, 7).

Differences of two 8-bit codes are 0..255, so all exponentials that can occur are known in advance;
LiteRT's builtin kernel has them in float32, and adds and divides there. Exponentials of int16, and
the reciprocal of their sum, lie on lines between 513 values of a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import (
    count_leading_zeros_u32,
    mulhi_s32,
    reciprocal_1p_s32,
    shift_right_away_s32,
)
from edgeq.numerics.softmax import (
    MAX_SOFTMAX_LENGTH,
    MAX_SOFTMAX_S16_LENGTH,
    SoftmaxInput,
    SoftmaxS16,
    softmax_s16,
)
from edgeq.ops._elementwise import CODES, check_no_zero
from edgeq.ops._float_math import exp_f32
from edgeq.ops.base import Arrays, Op, register, require

_OUTPUT = {
    DType.INT8: (1.0 / 256, -128),
    DType.UINT8: (1.0 / 256, 0),
    DType.INT16: (1.0 / 65536, -32768),
}
_OUTPUT_16 = (2.0**-15, 0)


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxTable:
    """Exponentials of code differences 0, 1, ..., and the output's scale, in float32."""

    exps: np.ndarray
    scale: float
    plain = False


@register("softmax")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax(Op):
    """Input: x [..., C]. Output: ``exp(beta * x)`` over its sum, of the same shape.

    int8 or uint8 in, and out the same or int16; or int16 in and out. Each has the one scale that
    suits 0..1. ``unsigned``: the codes have been uint8. ``arithmetic`` is ``SoftmaxInput``, or
    ``SoftmaxS16`` of int16, or ``SoftmaxTable``.
    """

    FIXED_OUTPUT: ClassVar[tuple[float, int] | None] = (1 / 256, -128)

    beta: float = 1.0
    unsigned: bool = False

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        require(self, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
        require(self, len(io.x.shape) > 0, "input has no dimensions")
        require(self, np.isfinite(self.beta), f"beta is {self.beta}")
        x, y = io.x.dtype, io.y.dtype
        if x.is_float:
            require(self, y is x, f"output is {y.value} for float32 input")
            return
        require(self, x in CODES, f"input is {x.value}")
        require(self, y in (x, DType.INT16), f"output is {y.value} for {x.value} input")
        require(self, io.x.quant is not None, f"tensor '{io.x.name}' has no scale")
        check_no_zero(self, io.x)
        check_output_code(self, io, *(_OUTPUT_16 if x is DType.INT16 else _OUTPUT[y]))

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in how differences are rescaled: to Q5.26, of int16 to steps of a table."""
        if io.x.dtype.is_float:
            return self
        wide = io.x.dtype is DType.INT16
        check_row(self, io, MAX_SOFTMAX_S16_LENGTH if wide else MAX_SOFTMAX_LENGTH)
        rounding, form = numerics.rounding(self.KIND), SoftmaxS16 if wide else SoftmaxInput
        if rounding is Rounding.FLOAT32:
            return self.with_arithmetic(self._table(io))
        try:
            return self.with_arithmetic(form.of(self.beta * io.x.scale, rounding))
        except QuantizationError as error:
            raise error.at(self.source) if self.source else error from None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers, or in LiteRT's float32 steps."""
        if isinstance(self.arithmetic, SoftmaxTable):
            return (self._in_float(io, arrays[0]),)
        if isinstance(self.arithmetic, SoftmaxS16):
            return (softmax_s16(arrays[0], self.arithmetic),)
        exps = self.arithmetic.exponentials()[below_largest(arrays[0])]
        total = shift_right_away_s32(exps, 12).sum(axis=-1, keepdims=True, dtype=np.int64)
        zeros = count_leading_zeros_u32(total)
        scale = reciprocal_1p_s32((total << zeros) - (1 << 31))
        right = 43 - 8 * io.y.dtype.bytes - zeros
        # A shift beyond 31 leaves less than one half, whatever is shifted.
        scale = np.where(right > 31, 0, scale)
        y = shift_right_away_s32(mulhi_s32(scale, exps), np.minimum(right, 31))
        return (np.clip(y + io.y.dtype.min, None, io.y.dtype.max).astype(io.y.dtype.numpy),)

    def _table(self, io: Operands) -> SoftmaxTable:
        factor = np.float32(-io.x.scale) * np.float32(self.beta)
        exps = exp_f32(factor * np.arange(256, dtype=np.float32))
        return SoftmaxTable(exps, float(np.float32(io.y.scale)))

    def _in_float(self, io: Operands, codes: np.ndarray) -> np.ndarray:
        """Return the codes; sums go from the first element to the last, and ties go up."""
        numbers: SoftmaxTable = self.arithmetic
        exps = numbers.exps[below_largest(codes)]
        total = np.add.accumulate(exps, axis=-1, dtype=np.float32)[..., -1:]
        shares = exps * (np.float32(1) / (total * np.float32(numbers.scale)))
        if self.unsigned or io.x.dtype is DType.UINT8:
            whole = np.floor(shares + np.float32(0.5))
        else:
            whole = np.floor(shares) + (shares - np.floor(shares) >= np.float32(0.5))
        y = whole.astype(np.int32) + io.y.dtype.min
        return np.clip(y, None, io.y.dtype.max).astype(io.y.dtype.numpy)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0] * np.float32(self.beta)
        exps = np.exp(x - x.max(axis=-1, keepdims=True))
        return ((exps / exps.sum(axis=-1, keepdims=True)).astype(np.float32),)


def below_largest(codes: np.ndarray) -> np.ndarray:
    """Return how far each code is below the largest of its row (last axis), 0..255."""
    wide = codes.astype(np.int64)
    distance: np.ndarray = wide.max(axis=-1, keepdims=True) - wide
    return distance


def check_output_code(op: Op, io: Operands, scale: float, zero_point: int) -> None:
    """Raise unless the output has the scale and zero point that its arithmetic implies."""
    y = io.y
    require(op, y.quant is not None, f"tensor '{y.name}' has no scale")
    # The reference accepts this much; its arithmetic is the same.
    near = abs(y.scale - scale) <= scale / 1000 and y.zero_point == zero_point
    require(
        op,
        near,
        f"output scale {y.scale:g} and zero point {y.zero_point}, not {scale:g} and {zero_point}",
    )


def check_row(op: Op, io: Operands, limit: int) -> None:
    """Raise ``QuantizationError`` for rows whose sum could overflow."""
    length = io.x.shape[-1]
    if length > limit:
        raise QuantizationError(
            f"a row of {length} values; the sum of at most {limit} fits", where=op.source
        )
