"""What operations that reduce some dimensions to one number share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
from edgeq.ops._elementwise import BYTES, check_no_zero
from edgeq.ops.base import Op, require, require_codes

INT32_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class OffsetSum:
    """Numbers of ``clamp(requant(sum(x) - counted) + offset)``."""

    requant: Requant
    counted: int
    offset: int
    plain = False


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The smallest sum of codes that gives at least each code above the lowest."""

    sums: np.ndarray
    plain = False

    def codes(self, total: np.ndarray, y: Tensor) -> np.ndarray:
        """Return the codes of sums."""
        return np.searchsorted(self.sums, total, side="right") + y.dtype.min


def thresholds(
    io: Operands, count: int, codes_of: Callable[[np.ndarray], np.ndarray]
) -> Thresholds:
    """Return the thresholds, found by halving; those beyond any sum are the largest int32.

    ``codes_of`` gives the codes of sums, which only rise with them, without their clamp.
    """
    x, y = io.x, io.y
    wanted = np.arange(y.dtype.min + 1, y.dtype.max + 1)
    low = np.full(wanted.shape, count * x.dtype.min, np.int64)
    high = np.full(wanted.shape, count * x.dtype.max + 1, np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        enough = codes_of(middle) >= wanted
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    never = low > count * x.dtype.max
    return Thresholds(np.where(never, INT32_LIMIT, low).astype(np.int32))


def require_axes(op: Op, axes: tuple[int, ...], rank: int) -> None:
    """Raise unless ``axes`` are different ones of ``rank`` dimensions."""
    require(op, len(set(axes)) == len(axes), f"axes {axes} repeat one")
    inside = all(0 <= axis < rank for axis in axes)
    require(op, inside, f"axes {axes} of {rank} dimensions")


def reduced_shape(shape: Shape, axes: tuple[int, ...], keep_dims: bool) -> Shape:
    """Return the extents that are kept; 1 for the others under ``keep_dims``.

    >>> reduced_shape((2, 3, 4), (1,), True), reduced_shape((2, 3, 4), (0, 2), False)
    ((2, 1, 4), (3,))
    """
    pairs = enumerate(shape)
    return tuple(1 if i in axes else extent for i, extent in pairs if keep_dims or i not in axes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduction(Op):
    """Input: x of any rank. Output: x without ``axes``, or with extents of 1 there."""

    CODES: ClassVar[tuple[DType, ...]] = BYTES

    axes: tuple[int, ...]
    keep_dims: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require(self, len(io.ins) == 1, f"{len(io.ins)} inputs, expected 1")
        require_axes(self, self.axes, len(io.x.shape))
        require_codes(self, io, (*self.CODES, DType.FLOAT32))
        for tensor in (io.x, io.y):
            check_no_zero(self, tensor)
        same = io.x.dtype is io.y.dtype
        require(self, same, f"output is {io.y.dtype.value} for {io.x.dtype.value} input")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the extents that are kept; 1 for the others under ``keep_dims``."""
        return (reduced_shape(io.x.shape, self.axes, self.keep_dims),)

    def count(self, io: Operands) -> int:
        """Return how many elements are reduced to one."""
        count = 1
        for axis in self.axes:
            count *= io.x.shape[axis]
        return count

    def numbers(self, io: Operands) -> OffsetSum:
        """Return the finished numbers of a lowered operation in their general form."""
        if isinstance(self.arithmetic, OffsetSum):
            return self.arithmetic
        return OffsetSum(self.arithmetic, self.count(io) * io.x.zero_point, io.y.zero_point)

    def bounded_count(self, io: Operands) -> int:
        """Return the count; raise ``QuantizationError`` when 32 bits do not hold such a sum."""
        count = self.count(io)
        if count * (io.x.dtype.max - io.x.dtype.min) > INT32_LIMIT:
            raise QuantizationError(
                f"a sum of {count} codes does not fit 32 bits", where=self.source
            )
        return count
