"""One step of an LSTM on 8-bit codes: the form of TensorFlow Lite before its integer LSTM.

The four gates are one product of ``concat(x, h)``, in Q3.12; the cell state is Q4.11 and codes
stand for -1 to 127/128 (``runtime/NUMERICS.md``, 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, Shape
from edgeq.numerics import (
    logistic_q3_s16,
    mulhi_s16,
    requant_from_scale,
    requantize,
    shift_left_sat_s16,
    shift_right_away_s16,
    tanh_q3_s16,
)
from edgeq.ops._accumulate import centred, check_accumulator, exact_float
from edgeq.ops.base import Arrays, Op, register, require, require_rank

_CODE_SCALE = 2.0**-7
_GATE_SCALE = 2.0**-12
_CELL_SCALE = 2.0**-11


@register("lstm_cell")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LstmCell(Op):
    """Inputs: x [B,I], output h [B,C] and cell state c [B,C] before, weights [4*C,I+C], bias [4*C].

    Outputs: h and c after. Rows of the weights are those of the gates input, cell, forget and
    output. x, h and weights are uint8 or int8, c is int16.
    """

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes, types or codes do not fit."""
        counts = f"{len(io.ins)} inputs and {len(io.outs)} outputs, expected 5 and 2"
        require(self, len(io.ins) == 5 and len(io.outs) == 2, counts)
        x, h, c, weights, bias = io.ins
        require_rank(self, x.shape, 2, "input")
        require_rank(self, h.shape, 2, "output")
        batches, depth = x.shape
        cells = h.shape[1]
        shapes = ((h, (batches, cells)), (c, h.shape), (weights, (4 * cells, depth + cells)))
        for tensor, shape in (*shapes, (bias, (4 * cells,))):
            what = f"tensor '{tensor.name}' has shape {tensor.shape}, expected {shape}"
            require(self, tensor.shape == shape, what)
        require(self, x.dtype in (DType.INT8, DType.UINT8), f"input is {x.dtype.value}")
        types = (*((t, x.dtype) for t in (x, h, weights, io.y)), (bias, DType.INT32))
        for tensor, dtype in (*types, (c, DType.INT16), (io.outs[1], DType.INT16)):
            what = f"tensor '{tensor.name}' is {tensor.dtype.value}, expected {dtype.value}"
            require(self, tensor.dtype is dtype, what)
            one = tensor.quant is not None and not tensor.quant.per_channel
            require(self, one, f"tensor '{tensor.name}' has no scale, or several")
        require(self, weights.is_constant and bias.is_constant, "weights are not constant")
        self._check_codes(io)

    def _check_codes(self, io: Operands) -> None:
        x, h, c = io.ins[:3]
        middle = 128 + x.dtype.min
        for tensor in (x, h, io.y):
            fixed = tensor.scale == _CODE_SCALE and tensor.zero_point == middle
            require(self, fixed, f"tensor '{tensor.name}' is not of scale 1/128 and {middle}")
        for tensor in (c, io.outs[1]):
            fixed = tensor.scale == _CELL_SCALE and tensor.zero_point == 0
            require(self, fixed, f"tensor '{tensor.name}' is not of scale 1/2048")

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shapes of both states."""
        return io.ins[1].shape, io.ins[2].shape

    def macs(self, io: Operands) -> int:
        """Return the weights, for each batch."""
        return io.x.shape[0] * io.ins[3].elements

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the multiplier, which the code of the bias gives."""
        bias = io.ins[4]
        sums = np.abs(centred(io.ins[3], np.int32)).sum(axis=1, dtype=np.int64)
        check_accumulator(self, Operands((io.x, io.ins[3], bias), io.outs), sums)
        factor = bias.scale / _GATE_SCALE
        return self.with_arithmetic(requant_from_scale([factor], numerics.rounding(self.KIND)))

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers (sums as exact floats)."""
        requant: Requant = self.arithmetic
        w = centred(io.ins[3], np.int32)
        real = exact_float(255 * 255 * w.shape[1])
        joined = np.concatenate(arrays[:2], axis=1).astype(real) - real(io.x.zero_point)
        acc = (joined @ w.astype(real).T).astype(np.int32) + arrays[4]
        gates = np.clip(requantize(acc, requant), -32768, 32767)
        enter, fresh, forget, leave = np.split(gates, 4, axis=1)
        new = mulhi_s16(logistic_q3_s16(enter), tanh_q3_s16(fresh))
        kept = mulhi_s16(logistic_q3_s16(forget), arrays[2])
        c = shift_right_away_s16(new, 4).astype(np.int32) + kept
        c = np.clip(c, -32768, 32767).astype(np.int16)
        shown = mulhi_s16(logistic_q3_s16(leave), tanh_q3_s16(shift_left_sat_s16(c, 1)))
        h = np.clip(shift_right_away_s16(shown, 8), -128, 127) + io.y.zero_point
        return h.astype(io.y.dtype.numpy), c
