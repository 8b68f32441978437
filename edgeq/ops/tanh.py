"""Hyperbolic tangent; the output scale is 1/128 (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.numerics.activations import tanh_s8
from edgeq.ops._lookup import Lookup, check_fixed_output
from edgeq.ops.base import Arrays, Op, register


@register("tanh")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tanh(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        Lookup.check(self, io)
        check_fixed_output(self, io, 1 / 128, 0)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        rounding = numerics.rounding(self.KIND)
        return self.with_table(io, lambda q, zero, _: tanh_s8(q, io.x.scale, zero, rounding))

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (np.tanh(arrays[0], dtype=np.float32),)
