"""Mean of an image as ONNX Runtime's QLinearGlobalAveragePool computes it.

An integer sum, rescaled once by ``Sx / (Sy * count)``, which is formed in float32: a ``mean`` with
that factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requant_from_scale
from edgeq.numerics.fit import in_integers
from edgeq.ops._reduction import Reduction
from edgeq.ops.base import Op, register, require
from edgeq.ops.mean import Mean


@register("qlinear_global_average_pool")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QLinearGlobalAveragePool(Mean):
    """Input: int8 x of any rank. Output: int8 x without ``axes``, or with extents of 1 there."""

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        Reduction.check(self, io)
        require(self, io.x.dtype is DType.INT8, f"input is {io.x.dtype.value}, expected int8")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Return the mean with its factor."""
        count = self.bounded_count(io)
        with np.errstate(all="ignore"):
            scaled = np.float32(io.y.scale) * np.float32(count)
            factor = float(np.float32(io.x.scale) / scaled)
        requant = requant_from_scale([factor], Rounding.FLOAT32)
        if numerics.integers:
            zero, farthest = io.y.zero_point, max(127 - io.x.zero_point, io.x.zero_point + 128)
            codes = (io.y.dtype.min - zero, io.y.dtype.max - zero)
            requant = in_integers(requant, codes, np.array([count * farthest]))
        return Mean(
            inputs=self.inputs,
            outputs=self.outputs,
            source=self.source,
            axes=self.axes,
            keep_dims=self.keep_dims,
            arithmetic=requant,
        )
