"""Which of two arrays is larger, element by element with broadcasting.

8-bit codes become multiples of 1/256 of a unit first, rounded: ``requant((q - zero) << 8)`` with
the scale as the factor. So LiteRT does it, reference and builtin kernels alike; where a scale is
below 1/256, neighbouring codes count as equal. So are int16 codes where they are asked to be equal
or not; other relations take them as they are, whatever their scales, as LiteRT does. So are other
types compared.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
from edgeq.numerics import requantize
from edgeq.ops._elementwise import (
    BYTES,
    CODES,
    broadcast_shape,
    centred,
    check_counts,
    check_one_scale,
    ordered,
    reach,
    rescale,
)
from edgeq.ops.base import Arrays, Op, register, require

HEADROOM = 8


class Relation(enum.Enum):
    """What a comparison asks."""

    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    LESS = "less"
    LESS_EQUAL = "less_equal"
    GREATER = "greater"
    GREATER_EQUAL = "greater_equal"


@register("compare")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compare(Op):
    """Inputs: two arrays that broadcast as in NumPy. Output: bool.

    After lowering, ``arithmetic`` holds two ``Requant``, or ``None`` for numbers that are no codes.
    """

    relation: Relation

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_counts(self, io, 2)
        first, second = io.ins
        same = first.dtype is second.dtype
        require(self, same, f"compares {first.dtype.value} with {second.dtype.value}")
        require(self, io.y.dtype is DType.BOOL, f"output is {io.y.dtype.value}, expected bool")
        for tensor in io.ins:
            check_one_scale(self, tensor)
        if first.dtype in CODES:
            coded = (first.quant is None) is (second.quant is None)
            require(self, coded, "compares codes with plain numbers")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the factors; a constant or smaller input comes second."""
        op, io = ordered(self, io)
        if op is not self:
            op = replace(op, relation=_MIRRORED.get(self.relation, self.relation))
        if not op.rescales(io):
            return op
        rounding = numerics.rounding(self.KIND)
        first, second = (
            rescale(op, tensor.scale, rounding, reach(tensor) << HEADROOM) for tensor in io.ins
        )
        return op.with_arithmetic((first, second))

    def rescales(self, io: Operands) -> bool:
        """Tell whether codes become numbers first; the relation is symmetric where it matters."""
        same = self.relation in (Relation.EQUAL, Relation.NOT_EQUAL)
        kinds = CODES if same else BYTES
        return io.x.dtype in kinds and io.x.quant is not None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compare numbers, of codes those that they stand for."""
        if self.arithmetic is not None:
            parts = zip(arrays, io.ins, self.arithmetic, strict=True)
            arrays = [_number(*part) for part in parts]
        return (np.asarray(_UFUNCS[self.relation](arrays[0], arrays[1])),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compare real numbers."""
        return (np.asarray(_UFUNCS[self.relation](arrays[0], arrays[1])),)


_MIRRORED = {
    Relation.LESS: Relation.GREATER,
    Relation.LESS_EQUAL: Relation.GREATER_EQUAL,
    Relation.GREATER: Relation.LESS,
    Relation.GREATER_EQUAL: Relation.LESS_EQUAL,
}

_UFUNCS = {relation: getattr(np, relation.value) for relation in Relation}


def _number(array: np.ndarray, tensor: Tensor, requant: Requant) -> np.ndarray:
    return requantize(centred(array, tensor) << HEADROOM, requant)
