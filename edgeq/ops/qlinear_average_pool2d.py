"""Average pooling as ONNX Runtime's QLinearAveragePool computes it: in float32, NHWC.

``saturate(round(sum(Sx * (x - Zx)) / count / Sy + Zy))``, ties to the even number. Sums are formed
row by row; their roundings decide ties, which are frequent where the scales are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import onnx
from edgeq.ops._elementwise import check_int8
from edgeq.ops._pool import check_windows, pool_shape
from edgeq.ops._spatial import Padding, Pair, windows
from edgeq.ops.base import Arrays, Op, register


@dataclass(frozen=True, slots=True)
class Scales:
    """Finished numbers: two scales that are exactly float32 numbers."""

    x: float
    y: float


@register("qlinear_average_pool2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QLinearAveragePool2D(Op):
    """Input: int8 x [N,H,W,C]. Output: int8 [N,OH,OW,C], of any scale; no profile changes it.

    Padding takes no part in a mean, unless ``count_padding``: then it counts as zeros. ``origin``
    is what has been taken from the codes that the rule is stated in: 128 where they were uint8.
    """

    window: Pair
    stride: Pair = (1, 1)
    padding: Padding = Padding()
    count_padding: bool = False
    origin: int = 0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        check_int8(self, io, 1, self.origin)
        check_windows(self, io, self.window, self.stride, self.padding)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, OH, OW, C]."""
        return (pool_shape(io.x.shape, self.window, self.stride, self.padding),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the scales."""
        return self.with_arithmetic(
            Scales(float(np.float32(io.x.scale)), float(np.float32(io.y.scale)))
        )

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32, tap by tap."""
        reals = onnx.dequantized(arrays[0], self.arithmetic.x, io.x.zero_point)
        taps = self._taps(reals)
        counts = self._counts(io)
        with np.errstate(all="ignore"):
            total = np.zeros(io.y.shape, np.float32)
            for tap in taps:
                total = total + tap
            stated = np.float32(io.y.zero_point + self.origin)
            found = total / counts / np.float32(self.arithmetic.y) + stated
        codes = onnx.rounded(found, (self.origin - 128, self.origin + 127)) - self.origin
        return (codes.astype(np.int8),)

    def _counts(self, io: Operands) -> np.ndarray:
        if self.count_padding:
            return np.array(self.window[0] * self.window[1], np.float32)
        ones = np.ones((1, *io.x.shape[1:3], 1), np.float32)
        return np.asarray(np.sum(self._taps(ones), axis=0), np.float32)

    def _taps(self, x: np.ndarray) -> list[np.ndarray]:
        views = windows(x, self.window, self.stride, (1, 1), self.padding, 0)
        rows, columns = self.window
        return [views[:, :, :, i, j] for i in range(rows) for j in range(columns)]
