"""Hard swish, x * relu6(x + 3) / 6 (``runtime/NUMERICS.md``, 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.numerics.activations import hard_swish_s8
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Arrays, Op, register


@register("hard_swish")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HardSwish(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape."""

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        x, y = io.x.scale, io.y.scale
        return self.with_table(io, lambda q, zero, y_zero: hard_swish_s8(q, x, zero, y, y_zero))

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        x = arrays[0]
        gate = np.clip(x + np.float32(3), 0, 6)
        return ((x * gate / np.float32(6)).astype(np.float32),)
