"""Codes of one scale, zero point and type to those of another.

``y = saturate(requant(x - x_zero) + y_zero)``. At equal scales, uint8 and int8 with zero points
128 apart hold the same bits but the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.ops._elementwise import BYTES, CODES, centred, check_counts, check_one_scale
from edgeq.ops._float_codes import real_codes, reals
from edgeq.ops._rescaling import Rescales, Rescaling
from edgeq.ops._xnnpack import narrow_requant, ratio, takes_ratio
from edgeq.ops.base import Arrays, Op, register, require, require_codes

VECTOR = 16
"""Codes that LiteRT's builtin kernel rescales at once, rounding half up; the rest goes away."""


@register("requantize")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize(Rescales):
    """Input and output: codes of the same shape; int32 without a zero point, of int16 only.

    ``crosses``: one side of it has been uint8 and the other not.
    """

    COMPUTES: ClassVar[bool] = False

    crosses: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 1)
        require_codes(self, io, (*CODES, DType.INT32))
        for tensor in (io.x, io.y):
            require(self, tensor.quant is not None, f"tensor '{tensor.name}' has no scale")
            check_one_scale(self, tensor)
            plain = tensor.dtype is not DType.INT32 or tensor.zero_point == 0
            what = f"int32 '{tensor.name}' has a zero point other than 0"
            require(self, plain, what)
        fits = io.y.dtype is not DType.INT32 or io.x.dtype is DType.INT16
        require(self, fits, f"input is {io.x.dtype.value} for int32 output")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier; the clamp is the output type's range."""
        one_type = io.x.dtype is io.y.dtype and io.x.dtype in BYTES
        steps = ratio(io.x, io.y)
        taken = one_type and not self.crosses and takes_ratio(steps, 2.0**-8, 2.0**7)
        numerics = numerics.of(self.KIND, taken)
        library, codes = numerics.library(self.KIND), (io.y.dtype.min, io.y.dtype.max)
        if library is Library.XNNPACK:
            return self.with_arithmetic(Rescaling(narrow_requant(steps), *codes))
        requant = self.requant(io, io.x.scale / io.y.scale, numerics.rounding(self.KIND))
        if library is Library.BUILTIN and io.x.dtype in BYTES:
            requant = _with_tail(requant, io)
        return self.with_arithmetic(Rescaling(requant, *codes))

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers what one side of it was."""
        flips = [tensor.dtype is DType.UINT8 for tensor in (io.x, io.y)]
        return replace(self, crosses=flips[0] != flips[1])

    def is_flip(self, io: Operands) -> bool:
        """Tell whether a lowered operation only flips the first bit of every byte."""
        numbers: Rescaling = self.arithmetic
        offsets = {(DType.UINT8, DType.INT8): -128, (DType.INT8, DType.UINT8): 128}
        offset = offsets.get((io.x.dtype, io.y.dtype))
        return numbers.is_offset and io.y.zero_point - io.x.zero_point == offset

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Convert through real numbers, for a graph that is not lowered."""
        return (real_codes(reals(arrays[0], io.x), io.y),)


def _with_tail(requant: Requant, io: Operands) -> Requant:
    """Return the requantizer with the codes behind the last whole vector told apart, if any are."""
    codes = centred(np.arange(io.x.dtype.min, io.x.dtype.max + 1), io.x)
    away = replace(requant, rounding=Rounding.GEMMLOWP)
    tail = io.x.elements % VECTOR
    alike = np.array_equal(requantize(codes, requant), requantize(codes, away))
    return requant if alike else replace(requant, tail=tail)
