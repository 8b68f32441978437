"""Float32 numbers to codes: ``y = saturate(round(x / scale) + zero)`` (Jacob et al. 2017, 2.1).

Ties go away from zero, under float32 rounding to the even neighbour. NaN becomes the zero point.
LiteRT's builtin kernel and XNNPACK multiply by the reciprocal of the scale; what the builtin one
leaves to scalar code is divided, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import CODES, check_counts, check_one_scale
from edgeq.ops._float_codes import real_codes, reciprocal_codes
from edgeq.ops.base import Arrays, Op, register, require, require_codes


@dataclass(frozen=True, slots=True)
class Quantization:
    """Finished numbers: the divisor, exactly a float32, and where ties go.

    With a ``reciprocal`` that is multiplied by instead, but for the last ``tail`` numbers.
    """

    scale: float
    half_even: bool
    reciprocal: float | None = None
    tail: int = 0

    @property
    def plain(self) -> bool:
        """Tell whether every number is divided."""
        return self.reciprocal is None


VECTOR = 8
"""Numbers that LiteRT's builtin kernel converts at once."""


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
        scale = np.float32(io.y.scale)
        library = numerics.library(self.KIND)
        with np.errstate(all="ignore"):
            reciprocal = np.float32(1) / scale
        # Infinite where the scale is subnormal; a quotient of such a scale saturates anyhow.
        if library is Library.REFERENCE or not np.isfinite(reciprocal):
            return self.with_arithmetic(Quantization(float(scale), half_even))
        tail = io.y.elements % VECTOR if library is Library.BUILTIN else 0
        numbers = Quantization(float(scale), half_even, float(reciprocal), tail)
        return self.with_arithmetic(numbers)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the codes."""
        numbers: Quantization = self.arithmetic
        if numbers.reciprocal is None:
            return (real_codes(arrays[0], io.y, scale=numbers.scale, half_even=numbers.half_even),)
        return (reciprocal_codes(arrays[0], io.y, numbers.scale, numbers.reciprocal, numbers.tail),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the codes, for a graph that is not lowered."""
        return (real_codes(arrays[0], io.y),)
