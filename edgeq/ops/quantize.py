"""Float32 numbers to codes: ``y = saturate(round(x / scale) + zero)`` (Jacob et al. 2017, 2.1).

Ties go away from zero, under float32 rounding to the even neighbour. NaN becomes the zero point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import CODES, check_counts, check_one_scale
from edgeq.ops._float_codes import real_codes
from edgeq.ops.base import Arrays, Op, register, require, require_codes


@dataclass(frozen=True, slots=True)
class Quantization:
    """Finished numbers: the divisor, exactly a float32, and where ties go."""

    scale: float
    half_even: bool


@register("quantize")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantize(Op):
    """Input: float32. Output: int8, uint8 or int16 codes of the same shape."""

    COMPUTES: ClassVar[bool] = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 1)
        require_codes(self, io, (DType.FLOAT32, *CODES))
        require(self, io.x.dtype.is_float, f"input is {io.x.dtype.value}, expected float32")
        require(self, not io.y.dtype.is_float, "output is float32, expected codes")
        check_one_scale(self, io.y)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the scale and the rounding of ties."""
        half_even = numerics.rounding(self.KIND) is Rounding.FLOAT32
        return self.with_arithmetic(Quantization(float(np.float32(io.y.scale)), half_even))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the codes."""
        numbers: Quantization = self.arithmetic
        return (real_codes(arrays[0], io.y, scale=numbers.scale, half_even=numbers.half_even),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the codes, for a graph that is not lowered."""
        return (real_codes(arrays[0], io.y),)
