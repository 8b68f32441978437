"""Rectified linear units that stand alone: a clamp, and a change of scale where scales differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._elementwise import CODES, check_operands
from edgeq.ops._rescaling import Rescales, Rescaling
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register


@register("relu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relu(Rescales):
    """Input and output: the same type and shape; ``activation`` gives the bounds."""

    activation: Activation = Activation.RELU

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 1, CODES)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier and the clamp."""
        # LiteRT divides these scales in float32.
        with np.errstate(all="ignore"):
            factor = float(np.float32(io.x.scale) / np.float32(io.y.scale))
        requant = self.requant(io, factor, numerics.rounding(self.KIND))
        return self.with_arithmetic(Rescaling(requant, *self.activation.codes(io.y)))

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(arrays[0]),)
