"""Logistic function, 1 / (1 + e^-x); the output scale is 1/256 (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.numerics.activations import logistic_s8
from edgeq.ops._lookup import Lookup, check_fixed_output
from edgeq.ops.base import Arrays, Op, register


@register("logistic")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logistic(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        Lookup.check(self, io)
        check_fixed_output(self, io, 1 / 256, -128)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        rounding = numerics.rounding(self.KIND)
        return self.with_table(io, lambda q, zero, _: logistic_s8(q, io.x.scale, zero, rounding))

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        # e^-|x| never overflows.
        small = np.exp(-np.abs(x))
        return (np.where(x >= 0, 1, small) / (1 + small).astype(np.float32),)
