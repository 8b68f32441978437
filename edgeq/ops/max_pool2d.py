"""Two-dimensional maximum pooling, NHWC: the largest code of the window, padding left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.ops._pool import check_pool, clamp_of, pool_shape
from edgeq.ops._spatial import Padding, Pair, windows
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register


@register("max_pool2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxPool2D(Op):
    """Input: x [N,H,W,C]. Output: [N,OH,OW,C]."""

    SAME_QUANT = True

    window: Pair
    stride: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        check_pool(self, io, self.window, self.stride, self.padding)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, OH, OW, C]."""
        return (pool_shape(io.x.shape, self.window, self.stride, self.padding),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the clamp; nothing else depends on scales."""
        return self if io.x.dtype.is_float else self.with_arithmetic(clamp_of(self.activation, io))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute on codes."""
        top = self._largest(arrays[0], io.x.dtype.min)
        clamped = np.clip(top.astype(np.int32), self.arithmetic.low, self.arithmetic.high)
        return (clamped.astype(io.y.dtype.numpy),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self.activation.apply_float(self._largest(arrays[0], -np.inf)),)

    def _largest(self, x: np.ndarray, lowest: float) -> np.ndarray:
        views = windows(x, self.window, self.stride, (1, 1), self.padding, lowest)
        # One tap at a time: a reduction over two short inner axes is far slower.
        largest = views[:, :, :, 0, 0, :]
        for row in range(self.window[0]):
            for column in range(self.window[1]):
                largest = np.maximum(largest, views[:, :, :, row, column, :])
        return largest
