"""Fully connected layer: rows of the input times a matrix.

``y = clamp(requant(bias + sum((x - x_zero) * (w - w_zero))) + y_zero)`` (Jacob et al. 2017, 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape
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
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, register, require, require_rank


@register("fully_connected")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FullyConnected(Op):
    """Inputs: x (any shape, read as rows of I), weights [O,I], optional bias [O].

    Output [rows, O], or the input's shape with O as its last dimension when ``keep_dims``.
    ``unsigned``: the codes have been uint8.
    """

    WEIGHTS_AXIS: ClassVar[int | None] = 0

    keep_dims: bool = False
    activation: Activation = Activation.NONE
    scale_product: ScaleProduct = ScaleProduct.FLOAT32
    unsigned: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        require(self, len(io.ins) in (2, 3), f"{len(io.ins)} inputs, expected 2 or 3")
        w = io.ins[1].shape
        require_rank(self, w, 2, "weights")
        require(self, io.x.elements % w[1] == 0, f"input {io.x.shape} is not rows of {w[1]}")
        fits = not self.keep_dims or io.x.shape[-1:] == w[1:]
        require(self, fits, f"last dimension of {io.x.shape} is not {w[1]}")
        check_weights(self, io, axis=0)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the output's shape."""
        outs, depth = io.ins[1].shape
        if self.keep_dims:
            return ((*io.x.shape[:-1], outs),)
        return ((io.x.elements // depth, outs),)

    def macs(self, io: Operands) -> int:
        """Return outputs times inputs of each."""
        return io.y.elements * io.ins[1].shape[1]

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers and clamp."""
        sums = np.abs(centred(io.ins[1], np.int32)).sum(axis=1)
        weights = io.ins[1].quant
        symmetric = weights is None or not any(weights.zero_point)
        unsigned = self.unsigned or io.x.dtype is DType.UINT8
        numerics = numerics.of(self.KIND, symmetric or unsigned)
        return self.with_arithmetic(
            lower_accumulation(self, io, numerics, self.activation, self.scale_product, sums)
        )

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation, which remembers."""
        return replace(self, unsigned=True) if io.x.dtype is DType.UINT8 else self

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (as exact float sums)."""
        w = centred(io.ins[1], np.int32)
        real = exact_float(code_span(io.x) * int(np.abs(w).sum(axis=1).max(initial=0)))
        x = arrays[0].reshape(-1, w.shape[1]).astype(real) - real(io.x.zero_point)
        acc = accumulated(io, x @ w.astype(real).T)
        return (finish(io, acc, self.arithmetic).reshape(io.y.shape),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        w = float_weights(self, arrays)
        y = arrays[0].reshape(-1, w.shape[1]) @ w.T
        if len(arrays) > 2:
            y = y + arrays[2]
        y = self.activation.apply_float(y.astype(np.float32))
        return (y.reshape(io.y.shape),)
