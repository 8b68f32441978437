"""Codes to float32 numbers: ``y = scale * (x - zero)`` (Jacob et al. 2017, 2.1).

The difference is exact, so the product is the only rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import CODES, check_counts
from edgeq.ops._float_codes import reals
from edgeq.ops.base import Arrays, Op, register, require, require_codes


@dataclass(frozen=True, slots=True)
class Dequantization:
    """Finished numbers: the factors, exactly float32 numbers; one, or one per channel."""

    scale: tuple[float, ...]


@register("dequantize")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dequantize(Op):
    """Input: int8, uint8, int16 or int32 codes. Output: float32 of the same shape.

    int32 codes have zero point 0 and are rounded to float32 first.
    """

    COMPUTES: ClassVar[bool] = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 1)
        require_codes(self, io, (DType.FLOAT32, DType.INT32, *CODES))
        require(self, not io.x.dtype.is_float, "input is float32, expected codes")
        require(self, io.y.dtype.is_float, f"output is {io.y.dtype.value}, expected float32")
        quant = io.x.quant
        require(self, quant is not None, f"tensor '{io.x.name}' has no scale")
        centred = quant is not None and not any(quant.zero_point)
        fits = io.x.dtype is not DType.INT32 or centred
        require(self, fits, "int32 codes with a zero point other than 0")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factors."""
        scales = () if io.x.quant is None else io.x.quant.scale
        factors = tuple(float(np.float32(scale)) for scale in scales)
        return self.with_arithmetic(Dequantization(factors))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the real numbers."""
        return (reals(arrays[0], io.x, self.arithmetic.scale),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the real numbers."""
        return (reals(arrays[0], io.x),)
