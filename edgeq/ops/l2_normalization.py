"""Rows divided by their Euclidean norm, in fixed point (``runtime/NUMERICS.md``, 7).

``d = x - x_zero``; ``y = clamp(requant(d, 1 / sqrt(sum(d * d)) * 128) + y_zero)``; the output's
scale is 1/128. For codes that have been uint8 the product with 128 comes first, which rounds
elsewhere. LiteRT's reference and builtin kernels agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import inv_sqrt_s32
from edgeq.numerics.requant import BY_ROUNDING
from edgeq.ops._elementwise import centred, check_operands, reach, to_codes
from edgeq.ops._lookup import check_fixed_output
from edgeq.ops.base import Arrays, Op, register, require


@register("l2_normalization")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class L2Normalization(Op):
    """Input: x [..., C]. Output: the same shape.

    ``unsigned``: the codes have been uint8. ``arithmetic`` is the rounding.
    """

    FIXED_OUTPUT: ClassVar[tuple[float, int] | None] = (1 / 128, 0)

    unsigned: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types or the output's code do not fit."""
        check_operands(self, io, 1)
        require(self, len(io.x.shape) > 0, "input has no dimensions")
        check_fixed_output(self, io, 1 / 128, 0)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the rounding; raise when 32 bits do not hold the sum of squares."""
        length = io.x.shape[-1]
        if length * reach(io.x) ** 2 > 2**31 - 1:
            raise QuantizationError(
                f"{length} squares of codes do not fit 32 bits", where=self.source
            )
        rounding = numerics.rounding(self.KIND)
        if rounding is Rounding.FLOAT32:
            rounding = Rounding.GEMMLOWP  # no runtime has this operation in float32 steps
        return self.with_arithmetic(rounding)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        d = centred(arrays[0], io.x)
        multiplier, shift = inv_sqrt_s32(np.square(d).sum(axis=-1, keepdims=True))
        factor, added = (128, 0) if self.unsigned or io.x.dtype is DType.UINT8 else (1, 7)
        scaled = BY_ROUNDING[self.arithmetic](d * factor, multiplier, shift + added)
        return (to_codes(scaled, io.y, io.y.dtype.min, io.y.dtype.max),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32; a row of zeros stays one."""
        x = arrays[0]
        norm = np.sqrt(np.square(x).sum(axis=-1, keepdims=True, dtype=np.float32))
        return ((x / np.maximum(norm, np.float32(1e-6))).astype(np.float32),)
