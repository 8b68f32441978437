"""Codes of one scale, zero point and type to those of another.

``y = saturate(requant(x - x_zero) + y_zero)``. At equal scales, uint8 and int8 with zero points
128 apart hold the same bits but the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType
from edgeq.ops._elementwise import CODES, check_counts, check_one_scale
from edgeq.ops._float_codes import real_codes, reals
from edgeq.ops._rescaling import Rescales, Rescaling
from edgeq.ops.base import Arrays, Op, register, require_codes


@register("requantize")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize(Rescales):
    """Input and output: int8, uint8 or int16 codes of the same shape."""

    COMPUTES: ClassVar[bool] = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 1)
        require_codes(self, io, CODES)
        for tensor in (io.x, io.y):
            check_one_scale(self, tensor)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier; the clamp is the output type's range."""
        factor = io.x.scale / io.y.scale
        rounding = numerics.rounding(self.KIND)
        return self.with_factor(io, factor, rounding, (io.y.dtype.min, io.y.dtype.max))

    def is_flip(self, io: Operands) -> bool:
        """Tell whether a lowered operation only flips the first bit of every byte."""
        numbers: Rescaling = self.arithmetic
        offsets = {(DType.UINT8, DType.INT8): -128, (DType.INT8, DType.UINT8): 128}
        offset = offsets.get((io.x.dtype, io.y.dtype))
        return numbers.is_offset and io.y.zero_point - io.x.zero_point == offset

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Convert through real numbers, for a graph that is not lowered."""
        return (real_codes(reals(arrays[0], io.x), io.y),)
