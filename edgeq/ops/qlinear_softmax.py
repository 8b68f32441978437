"""Softmax over the last axis as ONNX Runtime's QLinearSoftmax computes it, in float32.

``saturate(round(e * floor(1 / Sy) / sum(e)) + Zy)``, ties to the even number, ``e`` of a table of
the distances from the largest code; the sum is formed from first to last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import onnx
from edgeq.ops._elementwise import check_int8
from edgeq.ops.base import Arrays, Op, register, require
from edgeq.ops.softmax import below_largest


@dataclass(frozen=True, slots=True, eq=False)
class Exponentials:
    """Finished numbers: ``table[d]`` for a distance d of codes, and the steps of the output."""

    table: np.ndarray
    steps: float


@register("qlinear_softmax")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QLinearSoftmax(Op):
    """Input: int8 x [..., C]. Output: int8 of the same shape, of any scale; no profile changes it.

    A sum in float32 depends on the order of its terms: rows are taken as they are stored.
    """

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_int8(self, io, 1)
        require(self, len(io.x.shape) > 0, "input has no dimensions")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table; raise ``QuantizationError`` where a number leaves float32."""
        table = onnx.exponentials(io.x.scale, io.x.shape[-1])
        with np.errstate(all="ignore"):
            steps = np.floor(np.float32(1) / np.float32(io.y.scale))
            largest = table[0] * steps
        if not (np.isfinite(largest) and table[0] > 0):
            raise QuantizationError(
                f"softmax of a row of {io.x.shape[-1]} in steps of {io.y.scale:g} leaves float32",
                where=self.source or self.KIND,
            )
        table.flags.writeable = False
        return self.with_arithmetic(Exponentials(table, float(steps)))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32, in order."""
        numbers: Exponentials = self.arithmetic
        exps = numbers.table[below_largest(arrays[0])]
        total = np.zeros((*exps.shape[:-1], 1), np.float32)
        for i in range(exps.shape[-1]):
            total = total + exps[..., i : i + 1]
        share = exps * np.float32(numbers.steps) / total
        return (onnx.rounded(share, (-128, 127), io.y.zero_point).astype(np.int8),)
