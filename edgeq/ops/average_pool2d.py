"""Two-dimensional average pooling, NHWC: the mean of the window's pixels, without padding.

``y = clamp(round(sum(x) / count))`` on codes; input and output share scale and zero point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._pool import check_pool, clamp_of, pool_shape
from edgeq.ops._spatial import Padding, Pair, windows
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register, require

MAX_TAPS_16 = (1 << 16) - 2
"""Most int16 codes whose sum fits int32, with half as many added."""


@register("average_pool2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AveragePool2D(Op):
    """Input: x [N,H,W,C]. Output: [N,OH,OW,C].

    A mean halfway between two codes goes away from zero, or up under ``round_half_up``. Both are
    the same for uint8, whose codes are not negative; only ``True`` keeps its bits in int8.
    """

    SAME_QUANT = True

    window: Pair
    stride: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE
    round_half_up: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        check_pool(self, io, self.window, self.stride, self.padding)
        count = self.window[0] * self.window[1]
        fits = io.x.dtype is not DType.INT16 or count <= MAX_TAPS_16
        require(self, fits, f"32 bits do not hold the sum of {count} int16 codes")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, OH, OW, C]."""
        return (pool_shape(io.x.shape, self.window, self.stride, self.padding),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the clamp; nothing else depends on scales."""
        return self if io.x.dtype.is_float else self.with_arithmetic(clamp_of(self.activation, io))

    def flipped(self, io: Operands) -> Op:
        """Keep the direction in which uint8 codes are rounded."""
        return replace(self, round_half_up=True) if io.x.dtype is DType.UINT8 else self

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        total = self._sums(arrays[0], np.dtype(np.int32))
        count = self._counts(io)
        half = count // 2
        if self.round_half_up:
            mean = (total + half) // count
        else:
            mean = np.sign(total) * ((np.abs(total) + half) // count)
        low, high = self.arithmetic.low, self.arithmetic.high
        return (np.clip(mean, low, high).astype(io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        mean = self._sums(arrays[0], np.dtype(np.float32)) / self._counts(io).astype(np.float32)
        return (self.activation.apply_float(mean),)

    def _sums(self, x: np.ndarray, dtype: np.dtype) -> np.ndarray:
        views = windows(x, self.window, self.stride, (1, 1), self.padding, 0)
        total: np.ndarray = views.sum(axis=(3, 4), dtype=dtype)
        return total

    def _counts(self, io: Operands) -> np.ndarray:
        _, height, width, _ = io.x.shape
        return self._sums(np.ones((1, height, width, 1), np.int8), np.dtype(np.int32))
