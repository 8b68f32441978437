"""Depthwise convolution, NHWC: output channel ``c`` sees only input channel ``c // multiplier``.

``y = clamp(requant(bias + sum((x - x_zero) * (w - w_zero))) + y_zero)`` (Jacob et al. 2017, 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.types import Shape
from edgeq.ops._accumulate import (
    ScaleProduct,
    accumulated,
    centred,
    check_weights,
    finish,
    float_weights,
    in_vectors,
    is_wide,
    lower_accumulation,
)
from edgeq.ops._spatial import Padding, Pair, check_window, output_size, windows
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register, require, require_rank

VECTOR = 8
"""Channels that LiteRT's builtin kernel rescales at once."""


@register("depthwise_conv2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthwiseConv2D(Op):
    """Inputs: x [N,H,W,C], weights [1,KH,KW,C*multiplier], optional bias. Output [N,OH,OW,C*m]."""

    WEIGHTS_AXIS: ClassVar[int | None] = 3

    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE
    scale_product: ScaleProduct = ScaleProduct.FLOAT64

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require(self, len(io.ins) in (2, 3), f"{len(io.ins)} inputs, expected 2 or 3")
        x, w = io.ins[0].shape, io.ins[1].shape
        require_rank(self, w, 4, "weights")
        check_window(self, x, self.kernel(io), self.stride, self.dilation, self.padding)
        require(self, w[0] == 1, f"weights have shape {w}, expected a first dimension of 1")
        require(self, w[3] % x[3] == 0, f"{w[3]} weight channels for {x[3]} inputs")
        check_weights(self, io, axis=3)

    @staticmethod
    def kernel(io: Operands) -> Pair:
        """Return the window's height and width."""
        return io.ins[1].shape[1], io.ins[1].shape[2]

    @staticmethod
    def multiplier(io: Operands) -> int:
        """Return the number of outputs for each input channel."""
        return io.ins[1].shape[3] // io.x.shape[3]

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, OH, OW, C * multiplier]."""
        n, height, width, _ = io.x.shape
        size = output_size(
            (height, width), self.kernel(io), self.stride, self.dilation, self.padding
        )
        return ((n, *size, io.ins[1].shape[3]),)

    def macs(self, io: Operands) -> int:
        """Return outputs times the window's taps; taps that fall into padding count."""
        kernel = self.kernel(io)
        return io.y.elements * kernel[0] * kernel[1]

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        sums = np.abs(centred(io.ins[1], np.int32)).sum(axis=(0, 1, 2))
        if numerics.library(self.KIND) is Library.BUILTIN and self._is_uint8:
            numerics = replace(numerics, exceptions={})  # it rounds as the reference kernel
        found = lower_accumulation(self, io, numerics, self.activation, self.scale_product, sums)
        lowered = self.with_arithmetic(found)
        return lowered if self._is_uint8 else in_vectors(lowered, io, numerics, VECTOR)

    @property
    def _is_uint8(self) -> bool:
        return self.scale_product is ScaleProduct.FLOAT32

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        x = np.subtract(arrays[0], io.x.zero_point, dtype=np.int64 if is_wide(io) else np.int32)
        acc = accumulated(io, self._convolve(io, x, centred(io.ins[1], np.int32)))
        return (finish(io, acc, self.arithmetic),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        y = self._convolve(io, arrays[0], float_weights(self, arrays))
        if len(arrays) > 2:
            y = y + arrays[2]
        return (self.activation.apply_float(y.astype(np.float32)),)

    def _convolve(self, io: Operands, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        views = windows(x, self.kernel(io), self.stride, self.dilation, self.padding, 0)
        y = np.zeros(self.shapes(io)[0], x.dtype)
        repeat = self.multiplier(io)
        for ky, kx in np.ndindex(*self.kernel(io)):
            tap = views[:, :, :, ky, kx, :]
            if repeat > 1:
                tap = np.repeat(tap, repeat, axis=-1)
            y += tap * w[0, ky, kx]
        return y
