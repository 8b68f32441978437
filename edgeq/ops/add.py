"""Sum of two arrays with broadcasting.

Both inputs are brought to one scale, twice the larger of theirs, with 20 bits of headroom (15 for
int16), added, and rescaled (Jacob et al. 2017, appendix A.2; ``runtime/NUMERICS.md``, 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
from edgeq.numerics import requantize
from edgeq.ops import _xnnpack
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
from edgeq.ops._vectors import Vectors, sum_vectors
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register

HEADROOM = 20
HEADROOM_16 = 15


@dataclass(frozen=True, slots=True)
class Sum:
    """Finished numbers of a sum.

    ``y = clamp(Y(A((a - a_zero) << 20) + B((b - b_zero) << 20)) + y_zero, low, high)``, where
    ``terms`` rescale as A and B, ``total`` as Y. Some sums may have terms of their own, in
    ``vectors``.
    """

    terms: tuple[Requant, Requant]
    total: Requant
    low: int
    high: int
    vectors: Vectors | None = None

    @property
    def plain(self) -> bool:
        """Tell whether all sums are alike."""
        return self.vectors is None


@register("add")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: their sum.

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
        """Fill in multipliers and clamp; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        numbers = sum_numbers(op, io, numerics, self.activation)
        return op.with_arithmetic(replace(numbers, vectors=self._vectors(io, numerics, numbers)))

    def _vectors(self, io: Operands, numerics: Numerics, numbers: Sum) -> Vectors | None:
        """Return what LiteRT's builtin kernel does to whole vectors of 8-bit codes."""
        numerics = numerics.of(self.KIND, _xnnpack.takes_sum(io.ins, io.y))
        if numerics.library(self.KIND) is not Library.BUILTIN:
            return None
        rows = rows_of(io, self.unsigned, sums=True)
        if rows is None:
            return None
        return sum_vectors(numbers.terms, numbers.total, (numbers.low, numbers.high), io, rows)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def settled(self, io: Operands, numerics: Numerics) -> np.ndarray | None:
        """Return the zero point where the largest sum is less than half a code."""
        numbers = sum_numbers(self, io, numerics, self.activation)
        largest = min(_largest_sum(io), (1 << 31) - 1)
        if requantize(np.array([-largest, largest], np.int32), numbers.total).any():
            return None
        return to_codes(np.zeros(io.y.shape, np.int32), io.y, numbers.low, numbers.high)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        numbers: Sum = self.arithmetic
        parts = zip(arrays, io.ins, numbers.terms, strict=True)
        first, second = (_term(*part) for part in parts)
        total = requantize(first + second, numbers.total)
        if numbers.vectors is not None:
            total = _with_vectors(total, numbers.vectors, numbers.total, io.y, arrays)
        return (to_codes(total, io.y, numbers.low, numbers.high),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(np.add(arrays[0], arrays[1], dtype=np.float32)),)


def sum_numbers(op: Op, io: Operands, numerics: Numerics, activation: Activation) -> Sum:
    """Return the finished numbers of a sum or a difference."""
    numerics = numerics.of(op.KIND, _xnnpack.takes_sum(io.ins, io.y))
    if numerics.library(op.KIND) is Library.XNNPACK:
        terms, total = _xnnpack.sum_requants(io.ins, io.y)
        return Sum(terms, total, *activation.codes(io.y))
    rounding = numerics.rounding(op.KIND)
    twice = 2.0 * max(tensor.scale for tensor in io.ins)
    bits, limit = headroom(io.x), limit_of(io)
    first, second = (
        rescale(op, tensor.scale / twice, rounding, reach(tensor) << bits, limit)
        for tensor in io.ins
    )
    total = rescale(op, twice / ((1 << bits) * io.y.scale), rounding, _largest_sum(io), limit)
    return Sum((first, second), total, *activation.codes(io.y))


def headroom(x: Tensor) -> int:
    """Return how many bits codes of one operand are moved up."""
    return HEADROOM_16 if x.dtype is DType.INT16 else HEADROOM


def _largest_sum(io: Operands) -> int:
    """Return what the sum of both terms stays within: each is at most half of its input."""
    return sum(reach(tensor) for tensor in io.ins) << (headroom(io.x) - 1)


def scaled_term(codes: np.ndarray, tensor: Tensor, requant: Requant) -> np.ndarray:
    """Return codes of one input at the common scale, as int32."""
    return requantize(centred(codes, tensor) << headroom(tensor), requant)


def _term(array: np.ndarray, tensor: Tensor, requant: Requant) -> np.ndarray:
    # All codes are rescaled once: much less work than rescaling every element.
    if array.size < tensor.dtype.max:
        return scaled_term(array, tensor, requant)
    codes = np.arange(tensor.dtype.min, tensor.dtype.max + 1)
    return scaled_term(codes, tensor, requant)[array.astype(np.intp) - tensor.dtype.min]


def _with_vectors(
    total: np.ndarray, vectors: Vectors, requant: Requant, y: Tensor, arrays: Arrays
) -> np.ndarray:
    """Return ``total`` with the rescaled sums of whole vectors in their places."""
    first, second = (
        terms[array.astype(np.intp) - y.dtype.min]
        for terms, array in zip(vectors.terms, arrays, strict=True)
    )
    zero = np.int32(y.zero_point)
    early = vectors.wrapped(requantize(first + second, requant) + zero) - zero
    return np.where(vectors.rows.inside(total.shape), early, total)
