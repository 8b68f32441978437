"""Log-softmax over the last axis: int8 in fixed point (``runtime/NUMERICS.md``, 7), or float32.

Converters leave it in float32 behind the last DEQUANTIZE of integer networks, so this form has a
kernel too. Its steps are the reference's; exponential and logarithm are rounded correctly but for
one value in millions, where LiteRT's differ from that in one of some hundreds, by the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import (
    log_q12_s32,
    quantize_multiplier,
    requantize,
    shift_right_away_s32,
)
from edgeq.numerics.softmax import MAX_LOG_SOFTMAX_LENGTH, SoftmaxInput
from edgeq.ops._float_math import exp_f32, log_f32
from edgeq.ops.base import Arrays, Op, register, require
from edgeq.ops.softmax import below_largest, check_output_code, check_row


@dataclass(frozen=True, slots=True)
class LogSoftmaxNumbers:
    """How code differences become Q5.26, and a logarithm in Q5.26 a code difference."""

    input: SoftmaxInput
    reverse: Requant


@register("log_softmax")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogSoftmax(Op):
    """Input: x [..., C]. Output: ``x - log(sum(exp(x)))`` of the same shape and type.

    int8 or float32.
    """

    COMPUTES = False  # in float32 it is only a conversion at the end of an integer network

    FIXED_OUTPUT: ClassVar[tuple[float, int] | None] = (16 / 256, 127)

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        require(self, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
        require(self, len(io.x.shape) > 0, "input has no dimensions")
        x, y = io.x.dtype, io.y.dtype
        require(self, x in (DType.INT8, DType.FLOAT32), f"input is {x.value}, expected int8")
        require(self, y is x, f"output is {y.value} for {x.value} input")
        if x is DType.INT8:
            require(self, io.x.quant is not None, f"tensor '{io.x.name}' has no scale")
            check_output_code(self, io, 16.0 / 256, 127)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def flipped(self, io: Operands) -> Op | None:
        """Return this: it has no uint8 form."""
        return self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factors from code differences to Q5.26 and back."""
        if io.x.dtype.is_float:
            return self
        check_row(self, io, MAX_LOG_SOFTMAX_LENGTH)
        rounding = numerics.rounding(self.KIND)
        if rounding is Rounding.FLOAT32:
            rounding = Rounding.GEMMLOWP  # no runtime has this operation in float32 steps
        try:
            numbers = SoftmaxInput.of(io.x.scale, rounding)
        except QuantizationError as error:
            raise error.at(self.source) if self.source else error from None
        pair = quantize_multiplier(2.0 ** (31 - numbers.left) / numbers.multiplier)
        reverse = Requant(rounding, (pair[0],), (pair[1],))
        return self.with_arithmetic(LogSoftmaxNumbers(numbers, reverse))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers, or float32 behind the end of an integer network."""
        if io.x.dtype.is_float:
            return self.evaluate_float(io, arrays)
        numbers: LogSoftmaxNumbers = self.arithmetic
        below = below_largest(arrays[0])
        exps = shift_right_away_s32(numbers.input.exponentials()[below], 12)
        logs = log_q12_s32(exps.sum(axis=-1, keepdims=True, dtype=np.int64)).astype(np.int64)
        reach = requantize((logs - (1 << 31)).astype(np.int32), numbers.reverse).astype(np.int64)
        inside = -below > np.maximum(numbers.input.diff_min - 1, reach)
        x = numbers.input.rescale(np.where(inside, -below, 0)).astype(np.int64)
        y = shift_right_away_s32(x - logs, 22) + 127
        return (np.where(inside, np.clip(y, -128, 127), -128).astype(np.int8),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32; the sum goes from the first element to the last."""
        below = arrays[0] - arrays[0].max(axis=-1, keepdims=True)
        total = np.add.accumulate(exp_f32(below), axis=-1, dtype=np.float32)[..., -1:]
        return (below - log_f32(total),)
