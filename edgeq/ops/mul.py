"""Product of two arrays with broadcasting.

``y = clamp(requant((a - a_zero) * (b - b_zero)) + y_zero)`` (``runtime/NUMERICS.md``, 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
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
from edgeq.ops._vector_rows import rows_of
from edgeq.ops._vectors import Vectors, product_codes, product_vectors
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register


@dataclass(frozen=True, slots=True)
class Product:
    """Finished numbers of a product, some of which may wrap: ``vectors``."""

    requant: Requant
    low: int
    high: int
    vectors: Vectors | None = None

    @property
    def plain(self) -> bool:
        """Tell whether all products are alike."""
        return self.vectors is None


@register("mul")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mul(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: their product.

    ``unsigned``: the codes have been uint8.
    """

    activation: Activation = Activation.NONE
    unsigned: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 2, CODES)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier and clamp; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        # LiteRT forms the factor in float32, TFLM in float64; the order does not matter.
        real = np.float64 if numerics.micro else np.float32
        with np.errstate(all="ignore"):
            a, b, y = (real(tensor.scale) for tensor in (*io.ins, io.y))
            factor = float(a * b / y)
        numerics = numerics.of(self.KIND, 2.0**-16 <= factor < 2.0**8)
        largest = reach(io.ins[0]) * reach(io.ins[1])
        requant = rescale(op, factor, numerics.rounding(self.KIND), largest, limit_of(io))
        limits = self.activation.codes(io.y)
        builtin = numerics.library(self.KIND) is Library.BUILTIN
        rows = rows_of(io, self.unsigned) if builtin else None
        vectors = None if rows is None else product_vectors(requant, limits, io, rows)
        return op.with_arithmetic(Product(requant, *limits, vectors))

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

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
        if numbers.vectors is not None:
            scaled = _with_vectors(scaled, numbers.vectors, np.int32(io.y.zero_point))
        return (to_codes(scaled, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(np.multiply(arrays[0], arrays[1], dtype=np.float32)),)


def _with_vectors(scaled: np.ndarray, vectors: Vectors, zero: np.int32) -> np.ndarray:
    """Return rescaled products, with those of whole vectors in 16 bits."""
    early = product_codes(scaled, vectors, zero) - zero
    return np.where(vectors.rows.inside(scaled.shape), early, scaled)
