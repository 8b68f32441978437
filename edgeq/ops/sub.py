"""Difference of two arrays with broadcasting: what the sum is, but for one sign.

Both inputs are brought to one scale with 20 bits of headroom (15 for int16), subtracted, and
rescaled (``runtime/NUMERICS.md``, 7). LiteRT's reference and builtin kernels agree; its XNNPACK
delegate gives the neighbouring code for some pairs in 100,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import CODES, broadcast_shape, check_operands, to_codes
from edgeq.ops.activation import Activation
from edgeq.ops.add import Sum, scaled_term, sum_numbers
from edgeq.ops.base import Arrays, Op, register


@register("sub")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sub(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: the first minus the second."""

    activation: Activation = Activation.NONE

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2, CODES)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        return self.with_arithmetic(sum_numbers(self, io, numerics, self.activation))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Sum = self.arithmetic
        first, second = (
            scaled_term(*part) for part in zip(arrays, io.ins, numbers.terms, strict=True)
        )
        total = requantize(first - second, numbers.total)
        return (to_codes(total, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(np.subtract(arrays[0], arrays[1], dtype=np.float32)),)
