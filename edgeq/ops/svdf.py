"""SVDF: a layer whose filters are products of a vector over features and one over time.

Each run, every filter keeps one more number, ``state = requant(sum((x - x_zero) * w_feature))``,
and forgets its oldest; ``y = requant(bias + sum(w_time * state))`` over the filters of a unit
(Nakkiran et al. 2015). The sum over time is of 32 bits that wrap, as in TensorFlow Lite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
from edgeq.numerics import requant_from_scale, requantize
from edgeq.ops._accumulate import INT32_LIMIT, exact_float
from edgeq.ops._elementwise import reach
from edgeq.ops.base import Arrays, Op, register, require, require_rank

STATES = (DType.INT8, DType.INT16)


@dataclass(frozen=True, slots=True)
class SvdfArithmetic:
    """Finished numbers: how sums over features become states, and sums over time outputs."""

    feature: Requant
    time: Requant


@register("svdf")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Svdf(Op):
    """Inputs: x [B,I], state [B,F*T], feature weights [F,I], time weights [F,T], optional bias [U].

    Outputs: y [B,U] and the next state. A unit is ``rank`` filters; a filter's state is its
    last T numbers, the oldest first. x, feature weights and y are int8, state and time weights
    int16 or int8.
    """

    rank: int = 1

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        counts = f"{len(io.ins)} inputs and {len(io.outs)} outputs, expected 4 or 5 and 2"
        require(self, len(io.ins) in (4, 5) and len(io.outs) == 2, counts)
        names = ("input", "state", "feature weights", "time weights")
        for tensor, name in zip(io.ins, names, strict=False):
            require_rank(self, tensor.shape, 2, name)
        x, state, feature, time = io.ins[:4]
        filters, depth = feature.shape
        require(self, x.shape[1] == depth, f"input {x.shape} times weights {feature.shape}")
        require(self, time.shape[0] == filters, f"{time.shape[0]} of {filters} filters in time")
        whole = self.rank > 0 and filters % self.rank == 0
        require(self, whole, f"{filters} filters in units of {self.rank}")
        kept = (x.shape[0], filters * time.shape[1])
        require(self, state.shape == kept, f"state has shape {state.shape}, expected {kept}")
        self._check_codes(io)
        if len(io.ins) > 4:
            bias, units = io.ins[4], filters // self.rank
            require(
                self, bias.dtype is DType.INT32 and bias.is_constant, "bias is no int32 constant"
            )
            require(self, bias.shape == (units,), f"bias has shape {bias.shape}, not ({units},)")

    def _check_codes(self, io: Operands) -> None:
        x, state, feature, time = io.ins[:4]
        for tensor in (x, feature, io.y):
            what = f"tensor '{tensor.name}' is {tensor.dtype.value}, expected int8"
            require(self, tensor.dtype is DType.INT8, what)
        for tensor in (state, time, io.outs[1]):
            what = f"tensor '{tensor.name}' is {tensor.dtype.value}, state {state.dtype.value}"
            require(self, tensor.dtype is state.dtype and tensor.dtype in STATES, what)
        for tensor in (x, state, feature, time, *io.outs):
            one = tensor.quant is not None and not tensor.quant.per_channel
            require(self, one, f"tensor '{tensor.name}' has no scale, or several")
        for tensor in (state, feature, time):
            require(self, tensor.zero_point == 0, f"zero point of '{tensor.name}' is not 0")
        require(self, feature.is_constant and time.is_constant, "weights are not constant")
        same = state.quant == io.outs[1].quant
        require(self, same, "the next state has another code than the state")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shapes of output and next state."""
        return (io.x.shape[0], io.ins[2].shape[0] // self.rank), io.ins[1].shape

    def macs(self, io: Operands) -> int:
        """Return the weights of both kinds, for each batch."""
        return io.x.shape[0] * (io.ins[2].elements + io.ins[3].elements)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in both multipliers; raise when 32 bits do not hold a sum over features."""
        x, state, feature, time = io.ins[:4]
        worst = int(_feature_sums(io).max(initial=0)) * reach(x)
        if worst > INT32_LIMIT:
            raise QuantizationError(
                f"the accumulator can reach {worst}, more than 32 bits hold", where=self.source
            )
        rounding = numerics.rounding(self.KIND)
        real = np.float64 if numerics.micro else np.float32
        factors = (
            float(real(a.scale) * real(b.scale) / real(out.scale))
            for a, b, out in ((x, feature, state), (state, time, io.y))
        )
        return self.with_arithmetic(
            SvdfArithmetic(*(requant_from_scale([factor], rounding) for factor in factors))
        )

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (the sum over features as exact floats)."""
        x, state, feature, time = arrays[:4]
        kept = io.ins[1].dtype
        real = exact_float(int(_feature_sums(io).max(initial=0)) * 255)
        acc = (x.astype(real) - real(io.x.zero_point)) @ feature.astype(real).T
        newest = requantize(acc.astype(np.int32), self.arithmetic.feature)
        newest = np.clip(newest, kept.min, kept.max).astype(kept.numpy)
        lines = state.reshape(len(x), *time.shape)
        lines = np.concatenate([lines[:, :, 1:], newest[:, :, np.newaxis]], axis=2)
        products = lines.astype(np.int64) * time
        sums = products.reshape(len(x), io.y.shape[1], -1).sum(axis=2)
        sums = sums + arrays[4] if len(arrays) > 4 else sums
        low, high = (code - io.y.zero_point for code in (-128, 127))
        y = np.clip(requantize(sums.astype(np.int32), self.arithmetic.time), low, high)
        return (y + io.y.zero_point).astype(np.int8), lines.reshape(state.shape)


def _feature_sums(io: Operands) -> np.ndarray:
    """Return the sum of the absolute weights of each filter."""
    sums: np.ndarray = np.abs(io.ins[2].array.astype(np.int32)).sum(axis=1, dtype=np.int64)
    return sums
