"""Transposed two-dimensional convolution, NHWC with OHWI weights.

Each input pixel adds its products to a window of the output, ``stride`` apart; then
``y = clamp(requant(bias + sum) + y_zero)``, with ``x - x_zero`` and ``w - w_zero`` as factors.
LiteRT's builtin kernel and its XNNPACK delegate round otherwise than its reference kernel: one code
in some hundred differs, by 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
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
    in_vectors,
    lower_accumulation,
)
from edgeq.ops._spatial import Pair
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register, require, require_rank

# A large stride can make a cropped output out of sums that are almost all zero.
MAX_SPREAD = 1 << 26
VECTOR = 8
"""Channels that LiteRT's builtin kernel rescales at once."""


@register("transpose_conv2d")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransposeConv2D(Op):
    """Inputs: x [N,H,W,C], weights [O,KH,KW,C], optional bias [O]. Output [N, *size, O].

    ``crop`` is how many rows above and columns left of the output the windows begin. ``same``: the
    file says SAME, which XNNPACK does not take where a stride is longer than its window.
    """

    WEIGHTS_AXIS: ClassVar[int | None] = 0

    size: Pair
    stride: Pair = (1, 1)
    crop: Pair = (0, 0)
    activation: Activation = Activation.NONE
    scale_product: ScaleProduct = ScaleProduct.FLOAT64
    same: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require(self, len(io.ins) in (2, 3), f"{len(io.ins)} inputs, expected 2 or 3")
        x, w = io.ins[0].shape, io.ins[1].shape
        require_rank(self, x, 4, "input")
        require_rank(self, w, 4, "weights")
        require(self, w[3] == x[3], f"{w[3]} weight channels for {x[3]} inputs")
        require(self, min(self.stride) >= 1, f"stride {self.stride}")
        require(self, min(self.size) >= 1, f"size {self.size}")
        kernel = (w[1], w[2])
        inside = all(0 <= c < k for c, k in zip(self.crop, kernel, strict=True))
        require(self, inside, f"crop {self.crop} of a window of {kernel}")
        spread = [(n - 1) * s + k for n, s, k in zip(x[1:3], self.stride, kernel, strict=True)]
        fits = elements((x[0], *spread, w[0])) <= MAX_SPREAD
        require(self, fits, f"a stride of {self.stride} spreads the input over {spread}")
        check_weights(self, io, axis=0)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return [N, *size, O]."""
        return ((io.x.shape[0], *self.size, io.ins[1].shape[0]),)

    def macs(self, io: Operands) -> int:
        """Return inputs times the window's taps; those that fall outside the output count."""
        return io.x.elements * elements(io.ins[1].shape[:3])

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        sums = np.abs(centred(io.ins[1], np.int32)).sum(axis=(1, 2, 3))
        window = io.ins[1].shape[1:3]
        covered = all(k >= step for k, step in zip(window, self.stride, strict=True))
        numerics = numerics.of(self.KIND, covered or not self.same)
        found = lower_accumulation(self, io, numerics, self.activation, self.scale_product, sums)
        lowered = self.with_arithmetic(found)
        is_uint8 = self.scale_product is ScaleProduct.FLOAT32
        return lowered if is_uint8 else in_vectors(lowered, io, numerics, VECTOR)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (as exact float sums)."""
        w = centred(io.ins[1], np.int32)
        real = exact_float(code_span(io.x) * int(np.abs(w).sum(axis=(1, 2, 3)).max(initial=0)))
        x = arrays[0].astype(real) - real(io.x.zero_point)
        acc = accumulated(io, self._spread(io, x, w.astype(real)))
        return (finish(io, acc, self.arithmetic),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        y = self._spread(io, arrays[0], float_weights(self, arrays))
        if len(arrays) > 2:
            y = y + arrays[2]
        return (self.activation.apply_float(y.astype(np.float32)),)

    def _spread(self, io: Operands, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the sums of all windows, cut to the output."""
        n, height, width, _ = x.shape
        outs, kh, kw, _ = w.shape
        (sy, sx), (top, left) = self.stride, self.crop
        reach = [
            max((count - 1) * step + k, begin + size)
            for count, step, k, begin, size in zip(
                (height, width), self.stride, (kh, kw), self.crop, self.size, strict=True
            )
        ]
        whole = np.zeros((n, *reach, outs), x.dtype)
        for ky in range(kh):
            for kx in range(kw):
                part = whole[:, ky : ky + height * sy : sy, kx : kx + width * sx : sx]
                part[:, :height, :width] += x @ w[:, ky, kx].T
        return whole[:, top : top + self.size[0], left : left + self.size[1]]
