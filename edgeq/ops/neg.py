"""Negation: ``clamp(requant(x_zero - x) + y_zero)``.

LiteRT's reference and builtin kernels look at no scale or zero point: they negate int8 codes as
they are, and -128 stays -128. ``raw`` says that the network wants that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.numerics.activations import saturate_s8
from edgeq.ops._elementwise import reach, rescale
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Arrays, Op, register, require


@register("neg")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neg(Lookup):
    """Input and output: 8-bit codes or float32 of the same shape; ``raw`` only of int8."""

    raw: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        Lookup.check(self, io)
        signed = not self.raw or io.x.dtype is not DType.UINT8
        require(self, signed, "negates uint8 codes as they are")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        if self.raw:
            return self.with_table(io, lambda q, zero, y_zero: (-q).astype(np.int8))
        with np.errstate(all="ignore"):
            factor = float(np.float32(io.x.scale) / np.float32(io.y.scale))
        requant = rescale(self, factor, numerics.rounding(self.KIND), reach(io.x))

        def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
            return saturate_s8(requantize((zero - q).astype(np.int32), requant) + y_zero)

        return self.with_table(io, codes)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (np.negative(arrays[0]),)
