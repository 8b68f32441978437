"""Natural logarithm, by a table filled in float32; on int16 codes by lines between values of one.

Of what is not above 0 the logarithm is the lowest number that the output's codes hold, as LiteRT
has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._lines import Curve, with_curve
from edgeq.ops.base import Arrays, Op, register


@register("log")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Log(Curve):
    """Input and output: codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        lowest = np.float32(io.y.dtype.min - io.y.zero_point) * np.float32(io.y.scale)

        def function(x: np.ndarray) -> np.ndarray:
            return np.where(x > 0, _log(np.where(x > 0, x, 1.0)), lowest)

        return with_curve(self, io, function)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (_log(arrays[0].astype(np.float64)),)


def _log(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x).astype(np.float32)
