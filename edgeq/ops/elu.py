"""Exponential linear unit: x from 0 up, ``e^x - 1`` below, by a table filled in float32.

The oracle is LiteRT's builtin kernel: its reference resolver has none, and neither takes uint8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._lookup import Lookup, with_float32_table
from edgeq.ops.base import Arrays, Op, register


@register("elu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Elu(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        return with_float32_table(self, io, _elu)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (_elu(arrays[0].astype(np.float64)),)


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x).astype(np.float32)
