"""Whole numbers of two arrays, with broadcasting: sums, products and quotients without scales.

Sums, differences and products keep the low bits, as LiteRT's kernels do. Where a divisor is 0,
LiteRT ends the run; here quotient and remainder are 0.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import broadcast_shape, check_counts
from edgeq.ops._movement import require_one_type
from edgeq.ops.base import Arrays, Op, register, require

NUMBERS = (DType.INT16, DType.INT32, DType.INT64)


class Calculation(enum.Enum):
    """What is done with two numbers."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    FLOOR_DIVIDE = "floor_divide"
    FLOOR_MOD = "floor_mod"


@register("integer")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integer(Op):
    """Inputs: two arrays of one type that broadcast as in NumPy. Output: the same type."""

    COMPUTES = False

    calculation: Calculation

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 2)
        require_one_type(self, io)
        names = ", ".join(dtype.value for dtype in NUMBERS)
        found = f"inputs are {io.x.dtype.value}, expected one of {names}"
        require(self, io.x.dtype in NUMBERS, found)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute, keeping the low bits."""
        with np.errstate(over="ignore"):
            found = _FUNCTIONS[self.calculation](*arrays)
        return (np.asarray(found, io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute the same: whole numbers are no codes."""
        return self.evaluate(io, arrays)


def _floor_divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # The lowest number by -1 is the one quotient that does not fit; its low bits are itself.
    quotient = np.floor_divide(a, np.where((b == 0) | (b == -1), 1, b))
    return np.where(b == 0, 0, np.where(b == -1, np.negative(a), quotient))


def _floor_mod(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.mod(a, np.where((b == 0) | (b == -1), 1, b))


_FUNCTIONS: Mapping[Calculation, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    Calculation.ADD: np.add,
    Calculation.SUBTRACT: np.subtract,
    Calculation.MULTIPLY: np.multiply,
    Calculation.FLOOR_DIVIDE: _floor_divide,
    Calculation.FLOOR_MOD: _floor_mod,
}
