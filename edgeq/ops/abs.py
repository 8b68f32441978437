"""Absolute value: ``clamp(requant(|x - x_zero|) + y_zero)``; LiteRT takes int8 and int16 here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.numerics.activations import saturate_s8
from edgeq.numerics.fixed_point import saturate_s16, wide
from edgeq.ops._elementwise import CODES, limit_of, reach, rescale
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Arrays, Op, register


@register("abs")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Abs(Lookup):
    """Input and output: codes or float32 of the same shape."""

    CODES: ClassVar[tuple[DType, ...]] = CODES

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, or of int16 the factor."""
        with np.errstate(all="ignore"):
            # LiteRT divides these scales in float32.
            factor = float(np.float32(io.x.scale) / np.float32(io.y.scale))
        requant = rescale(self, factor, numerics.rounding(self.KIND), reach(io.x), limit_of(io))
        if io.x.dtype is DType.INT16:
            return self.with_arithmetic(requant)

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            distance = np.abs(q - zero).astype(np.int32)
            return saturate_s8(requantize(distance, requant) + y_zero)

        return self.with_table(io, codes)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Look every code up, or rescale it."""
        if not isinstance(self.arithmetic, Requant):
            return Lookup.evaluate(self, io, arrays)
        distance = np.abs(arrays[0].astype(np.int32))
        return (saturate_s16(wide(requantize(distance, self.arithmetic))),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (np.abs(arrays[0]),)
