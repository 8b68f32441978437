"""Product of two arrays with broadcasting.

``y = clamp(requant((a - a_zero) * (b - b_zero)) + y_zero)`` (``runtime/NUMERICS.md``, 7).
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
    CODES,
    broadcast_shape,
    centred,
    check_operands,
    limit_of,
    ordered,
    reach,
    rescale,
    to_codes,
)
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register


@dataclass(frozen=True, slots=True)
class Product:
    """Finished numbers of a product."""

    requant: Requant
    low: int
    high: int


@register("mul")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mul(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: their product."""

    activation: Activation = Activation.NONE

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2, CODES)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier and clamp; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        # LiteRT forms the factor in float32; the order of the factors does not matter.
        with np.errstate(all="ignore"):
            a, b, y = (np.float32(tensor.scale) for tensor in (*io.ins, io.y))
            factor = float(a * b / y)
        numerics = numerics.of(self.KIND, 2.0**-16 <= factor < 2.0**8)
        largest = reach(io.ins[0]) * reach(io.ins[1])
        requant = rescale(op, factor, numerics.rounding(self.KIND), largest, limit_of(io))
        return op.with_arithmetic(Product(requant, *self.activation.codes(io.y)))

    def settled(self, io: Operands, numerics: Numerics) -> np.ndarray | None:
        """Return the zero point where a constant operand is 0 everywhere."""
        if not any(t.is_constant and not centred(t.array, t).any() for t in io.ins):
            return None
        codes = self.activation.codes(io.y)
        return to_codes(np.zeros(io.y.shape, np.int32), io.y, *codes)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Product = self.arithmetic
        product = centred(arrays[0], io.ins[0]) * centred(arrays[1], io.ins[1])
        scaled = requantize(product, numbers.requant)
        return (to_codes(scaled, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(np.multiply(arrays[0], arrays[1], dtype=np.float32)),)
