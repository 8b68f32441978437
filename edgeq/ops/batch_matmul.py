"""Products of matrices that both are computed: ``clamp(requant(sum(a * b)) + y_zero)``.

Codes are taken minus their zero points. LiteRT takes int8 and int16 here, not uint8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import requant_from_scale
from edgeq.numerics.fit import in_integers
from edgeq.ops._accumulate import (
    Accumulation,
    check_reach,
    checked,
    code_span,
    exact_float,
    finish,
    is_wide,
)
from edgeq.ops._elementwise import CODES, check_operands, reach
from edgeq.ops.base import Arrays, Op, register, require


@register("batch_matmul")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchMatmul(Op):
    """Inputs: a [..., M, K] and b [..., K, N], batches broadcast. Output: [..., M, N].

    ``transpose_a`` says that a is stored as [..., K, M], ``transpose_b`` that b is [..., N, K].
    """

    transpose_a: bool = False
    transpose_b: bool = False

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        check_operands(self, io, 2, CODES)
        for tensor in io.ins:
            what = f"tensor '{tensor.name}' has shape {tensor.shape}, expected a matrix"
            require(self, len(tensor.shape) >= 2, what)
        a, b = (tensor.shape for tensor in io.ins)
        _, depth_a, depth_b, _ = self._matrices(a, b)
        require(self, depth_a == depth_b, f"rows of {depth_a} times columns of {depth_b}")

    def _matrices(self, a: Shape, b: Shape) -> tuple[int, int, int, int]:
        """Return M, K of a, K of b, and N."""
        rows, depth_a = a[-2:][::-1] if self.transpose_a else a[-2:]
        depth_b, columns = b[-2:][::-1] if self.transpose_b else b[-2:]
        return rows, depth_a, depth_b, columns

    def sizes(self, io: Operands) -> tuple[int, int, int]:
        """Return M, K and N."""
        m, depth, _, n = self._matrices(io.ins[0].shape, io.ins[1].shape)
        return m, depth, n

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common batch, M and N."""
        a, b = (tensor.shape[:-2] for tensor in io.ins)
        try:
            batch = np.broadcast_shapes(a, b)
        except ValueError:
            raise self.error(f"batches {a} and {b} do not broadcast") from None
        m, _, n = self.sizes(io)
        return ((*batch, m, n),)

    def macs(self, io: Operands) -> int:
        """Return outputs times the products of each."""
        return io.y.elements * self.sizes(io)[1]

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multiplier and clamp; raise when 32 bits do not hold a sum."""
        a, b = io.ins
        rounding = numerics.of(self.KIND, b.zero_point == 0).rounding(self.KIND)
        if is_wide(io):
            rounding = numerics.wide_rounding(self.KIND)
        largest = self.sizes(io)[1] * reach(a) * reach(b)
        check_reach(self, largest, rounding)
        # LiteRT multiplies these scales in float32.
        factor = float(np.float32(a.scale) * np.float32(b.scale)) / io.y.scale
        requant = checked(self, requant_from_scale([factor], rounding))
        low, high = io.y.dtype.min, io.y.dtype.max
        if numerics.integers:
            zero = io.y.zero_point
            requant = in_integers(requant, (low - zero, high - zero), np.array([largest]))
        return self.with_arithmetic(Accumulation(requant, low, high))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (as exact float sums)."""
        real = exact_float(self.sizes(io)[1] * code_span(io.ins[0]) * code_span(io.ins[1]))
        a, b = (
            array.astype(real) - real(tensor.zero_point)
            for array, tensor in zip(arrays, io.ins, strict=True)
        )
        acc = self._product(a, b).astype(np.int64 if is_wide(io) else np.int32)
        return (finish(io, acc, self.arithmetic),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        return (self._product(arrays[0], arrays[1]).astype(np.float32),)

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a = np.swapaxes(a, -1, -2) if self.transpose_a else a
        b = np.swapaxes(b, -1, -2) if self.transpose_b else b
        product: np.ndarray = np.matmul(a, b)
        return product
