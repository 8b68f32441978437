"""Codes to float32 numbers: ``y = scale * (x - zero)`` (Jacob et al. 2017, 2.1).

The difference is exact, so the product is the only rounding. LiteRT's builtin kernel computes
``scale * x + (-zero * scale)`` instead, but for what it leaves to scalar code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import CODES, check_counts
from edgeq.ops._float_codes import product_reals, reals
from edgeq.ops.base import Arrays, Op, register, require, require_codes


@dataclass(frozen=True, slots=True)
class Dequantization:
    """Finished numbers: the factors, exactly float32 numbers; one, or one per channel.

    With an ``offset`` that is added to the product of each code with the one factor, but for the
    last ``tail`` codes.
    """

    scale: tuple[float, ...]
    offset: float | None = None
    tail: int = 0

    @property
    def plain(self) -> bool:
        """Tell whether the product is the only rounding."""
        return self.offset is None


VECTOR = 8
"""Codes that LiteRT's builtin kernel converts at once."""


@register("dequantize")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dequantize(Op):
    """Input: int8, uint8, int16 or int32 codes. Output: float32 of the same shape.

    int32 codes have zero point 0 and are rounded to float32 first. ``unsigned``: the codes have
    been uint8.
    """

    COMPUTES: ClassVar[bool] = False

    unsigned: bool = False

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
        numbers = Dequantization(factors)
        if numerics.library(self.KIND) is Library.BUILTIN and len(factors) == 1:
            numbers = self._with_offset(io, numbers)
        return self.with_arithmetic(numbers)

    def _with_offset(self, io: Operands, numbers: Dequantization) -> Dequantization:
        """Return the numbers with an offset where some code of 8 bits gets another number by it."""
        if io.x.dtype.bytes != 1:
            return numbers
        scale, moved = np.float32(numbers.scale[0]), 128 if self.unsigned else 0
        offset = float(np.float32(-(io.x.zero_point + moved)) * scale)
        codes = np.arange(io.x.dtype.min, io.x.dtype.max + 1)
        found = product_reals(codes, float(scale), offset, self.unsigned)
        if np.array_equal(found, reals(codes, io.x, numbers.scale)):
            return numbers
        return replace(numbers, offset=offset, tail=io.x.elements % VECTOR)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the real numbers."""
        numbers: Dequantization = self.arithmetic
        plain = reals(arrays[0], io.x, numbers.scale)
        if numbers.offset is None:
            return (plain,)
        moved = product_reals(arrays[0], numbers.scale[0], numbers.offset, self.unsigned)
        body = np.arange(plain.size).reshape(plain.shape) < plain.size - numbers.tail
        return (np.where(body, moved, plain),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Return the real numbers."""
        return (reals(arrays[0], io.x),)
