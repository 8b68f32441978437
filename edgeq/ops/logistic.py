"""Logistic function, 1 / (1 + e^-x); the output scale is 1/256.

In fixed point (``runtime/NUMERICS.md``, 7), or where the profile says float32, as a table that is
filled in float32 like LiteRT's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.numerics.activations import logistic_s8, saturate_s8
from edgeq.ops._lookup import Lookup, check_fixed_output, float32_codes
from edgeq.ops.base import Arrays, Op, register


@register("logistic")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logistic(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    FIXED_OUTPUT: ClassVar[tuple[float, int] | None] = (1 / 256, -128)

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        Lookup.check(self, io)
        check_fixed_output(self, io, 1 / 256, -128)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        scale, rounding = io.x.scale, numerics.rounding(self.KIND)
        if rounding is Rounding.FLOAT32:
            return self.with_table(io, lambda q, zero, _: _float32_s8(q - zero, scale))
        return self.with_table(io, lambda q, zero, _: logistic_s8(q, scale, zero, rounding))

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        # e^-|x| never overflows.
        small = np.exp(-np.abs(x))
        return (np.where(x >= 0, 1, small) / (1 + small).astype(np.float32),)


def _float32_s8(d: np.ndarray, scale: float) -> np.ndarray:
    one = np.float32(1)
    codes = float32_codes(d, scale, lambda x: one / (one + np.exp(-x).astype(np.float32)), 256)
    return saturate_s8(codes - 128)
