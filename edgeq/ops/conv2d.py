"""Two-dimensional convolution, NHWC with OHWI weights, optionally grouped.

``y = clamp(requant(bias + sum((x - x_zero) * (w - w_zero))) + y_zero)`` (Jacob et al. 2017, 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Library, Numerics, profile
from edgeq.ir.types import Shape, elements
from edgeq.ops._accumulate import (
    ScaleProduct,
    accumulated,
    centred,
    check_weights,
    code_span,
    exact_float,
    finish,
    float_weights,
    lower_accumulation,
)
from edgeq.ops._spatial import Padding, Pair, check_window, output_size, windows
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register, require, require_rank


@register("conv2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv2D(Op):
    """Inputs: x [N,H,W,C], weights [O,KH,KW,C/groups], optional bias [O]. Output [N,OH,OW,O]."""

    WEIGHTS_AXIS: ClassVar[int | None] = 0

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
        require(self, w[3] > 0 and x[3] % w[3] == 0, f"{w[3]} weight channels for {x[3]} inputs")
        require(self, w[0] % (x[3] // w[3]) == 0, f"{w[0]} outputs in {x[3] // w[3]} groups")
        check_weights(self, io, axis=0)

    @staticmethod
    def kernel(io: Operands) -> Pair:
        """Return the window's height and width."""
        return io.ins[1].shape[1], io.ins[1].shape[2]

    @staticmethod
    def groups(io: Operands) -> int:
        """Return the number of channel groups."""
        return io.x.shape[3] // io.ins[1].shape[3]

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, OH, OW, O]."""
        n, height, width, _ = io.x.shape
        size = output_size(
            (height, width), self.kernel(io), self.stride, self.dilation, self.padding
        )
        return ((n, *size, io.ins[1].shape[0]),)

    def macs(self, io: Operands) -> int:
        """Return outputs times the window's taps; taps that fall into padding count."""
        return io.y.elements * elements(io.ins[1].shape[1:])

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        sums = np.abs(centred(io.ins[1], np.int32)).sum(axis=(1, 2, 3))
        if self.groups(io) > 1 and numerics.library(self.KIND) is Library.BUILTIN:
            numerics = profile(numerics.wide)  # LiteRT has no other kernel for groups.
        return self.with_arithmetic(
            lower_accumulation(self, io, numerics, self.activation, self.scale_product, sums)
        )

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (as exact float sums)."""
        w = centred(io.ins[1], np.int32)
        reach = code_span(io.x) * int(np.abs(w).sum(axis=(1, 2, 3)).max(initial=0))
        real = exact_float(reach)
        x = arrays[0].astype(real) - real(io.x.zero_point)
        acc = accumulated(io, self._convolve(io, x, w.astype(real)))
        return (finish(io, acc, self.arithmetic),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        y = self._convolve(io, arrays[0], float_weights(self, arrays))
        if len(arrays) > 2:
            y = y + arrays[2]
        return (self.activation.apply_float(y.astype(np.float32)),)

    def _convolve(self, io: Operands, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        views = windows(x, self.kernel(io), self.stride, self.dilation, self.padding, 0)
        groups = self.groups(io)
        outs, depth = w.shape[0] // groups, w.shape[3]
        y = np.empty(self.shapes(io)[0], x.dtype)
        for g in range(groups):
            part = views[..., g * depth : (g + 1) * depth].reshape(-1, elements(w.shape[1:]))
            kernel = w[g * outs : (g + 1) * outs].reshape(outs, -1)
            y[..., g * outs : (g + 1) * outs] = (part @ kernel.T).reshape(*y.shape[:3], outs)
        return y
