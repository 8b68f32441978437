"""Square root of 8-bit codes, by a table filled in float32, rounded toward zero as LiteRT does it.

LiteRT ends the run where a number is below 0; here its root is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Arrays, Op, register


@register("sqrt")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sqrt(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            distance = np.maximum(q - zero, 0).astype(np.float32)
            with np.errstate(over="ignore"):
                root = np.sqrt(np.float32(io.x.scale) * distance) / np.float32(io.y.scale)
            return np.minimum(np.floor(np.minimum(root, 512)) + y_zero, 127)

        return self.with_table(io, codes)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        with np.errstate(invalid="ignore"):
            return (np.sqrt(arrays[0]),)
