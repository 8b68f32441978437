"""Sum of two arrays with broadcasting.

Both inputs are brought to one scale, twice the larger of theirs, with 20 bits of headroom, added,
and rescaled (Jacob et al. 2017, appendix A.2; ``runtime/NUMERICS.md``, 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import (
    broadcast_shape,
    centred,
    check_operands,
    ordered,
    reach,
    rescale,
    to_codes,
)
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register

HEADROOM = 20


@dataclass(frozen=True, slots=True)
class Sum:
    """Finished numbers of a sum.

    ``y = clamp(Y(A((a - a_zero) << 20) + B((b - b_zero) << 20)) + y_zero, low, high)``, where
    ``terms`` rescale as A and B, ``total`` as Y.
    """

    terms: tuple[Requant, Requant]
    total: Requant
    low: int
    high: int


@register("add")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: their sum."""

    activation: Activation = Activation.NONE

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        numbers = sum_numbers(op, io, numerics.rounding(self.KIND), self.activation)
        return op.with_arithmetic(numbers)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Sum = self.arithmetic
        parts = zip(arrays, io.ins, numbers.terms, strict=True)
        first, second = (_term(*part) for part in parts)
        total = requantize(first + second, numbers.total)
        return (to_codes(total, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(np.add(arrays[0], arrays[1], dtype=np.float32)),)


def sum_numbers(op: Op, io: Operands, rounding: Rounding, activation: Activation) -> Sum:
    """Return the finished numbers of a sum or a difference."""
    twice = 2.0 * max(tensor.scale for tensor in io.ins)
    first, second = (
        rescale(op, tensor.scale / twice, rounding, reach(tensor) << HEADROOM) for tensor in io.ins
    )
    # Each term is at most half of its input.
    largest = sum(reach(tensor) for tensor in io.ins) << (HEADROOM - 1)
    total = rescale(op, twice / ((1 << HEADROOM) * io.y.scale), rounding, largest)
    return Sum((first, second), total, *activation.codes(io.y))


def scaled_term(codes: np.ndarray, tensor: Tensor, requant: Requant) -> np.ndarray:
    """Return codes of one input at the common scale, as int32."""
    return requantize(centred(codes, tensor) << HEADROOM, requant)


def _term(array: np.ndarray, tensor: Tensor, requant: Requant) -> np.ndarray:
    # All 256 codes are rescaled once: much less work than rescaling every element.
    codes = np.arange(tensor.dtype.min, tensor.dtype.max + 1)
    return scaled_term(codes, tensor, requant)[array.astype(np.intp) - tensor.dtype.min]
