"""Exponential, by a table filled in float32; on int16 codes by lines between values of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._lines import Curve, with_curve
from edgeq.ops.base import Arrays, Op, register


@register("exp")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exp(Curve):
    """Input and output: codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        return with_curve(self, io, _exp)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (_exp(arrays[0].astype(np.float64)),)


def _exp(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x).astype(np.float32)
