"""The square of a difference of two int8 arrays, with broadcasting.

Both inputs are brought to one scale with 7 bits of headroom, subtracted, squared and rescaled:
``y = clamp(Y((A((a - a_zero) << 7) - B((b - b_zero) << 7)) ** 2) + y_zero)``. LiteRT's reference
and builtin kernels agree; neither takes uint8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import (
    broadcast_shape,
    centred,
    check_operands,
    ordered,
    reach,
    rescale,
)
from edgeq.ops.activation import Activation
from edgeq.ops.add import Sum
from edgeq.ops.base import Arrays, Op, register

HEADROOM = 7


@register("squared_difference")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SquaredDifference(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: the squares of their differences.

    ``arithmetic`` is a ``Sum`` whose ``total`` rescales the square.
    """

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        rounding = numerics.rounding(self.KIND)
        twice = 2.0 * max(tensor.scale for tensor in io.ins)
        first, second = (
            rescale(op, tensor.scale / twice, rounding, reach(tensor) << HEADROOM)
            for tensor in io.ins
        )
        largest = (sum(reach(tensor) for tensor in io.ins) << (HEADROOM - 1)) ** 2
        factor = twice * twice / ((1 << 2 * HEADROOM) * io.y.scale)
        total: Requant = rescale(op, factor, rounding, largest)
        codes = Activation.NONE.codes(io.y)
        return op.with_arithmetic(Sum((first, second), total, *codes))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Sum = self.arithmetic
        first, second = (
            requantize(centred(array, tensor) << HEADROOM, requant)
            for array, tensor, requant in zip(arrays, io.ins, numbers.terms, strict=True)
        )
        scaled = requantize((first - second) ** 2, numbers.total)
        low, high = numbers.low - io.y.zero_point, numbers.high - io.y.zero_point
        codes = np.clip(scaled, low, high) + np.int32(io.y.zero_point)
        return (codes.astype(io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (np.square(np.subtract(arrays[0], arrays[1], dtype=np.float32)),)
