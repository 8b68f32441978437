"""LSTM over a sequence: int8 input and output, int16 gates and cell state.

Gates are ``g = f(sat(sat(Wx x + b) + Wh h))`` in Q3.12, ``c = sat(forget * c + input * cell)``,
``h = output * tanh(c)`` (``runtime/NUMERICS.md``, 7).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import (
    logistic_q3_s16,
    requant_from_scale,
    requantize,
    shift_right_away_s32,
    tanh_qm_s16,
)
from edgeq.numerics.activations import logistic_s16, tanh_s16
from edgeq.ops._accumulate import INT32_LIMIT, centred, exact_float
from edgeq.ops._elementwise import reach
from edgeq.ops.base import Arrays, Op, register, require, require_rank

GATES = ("input", "forget", "cell", "output")
STATES = 3  # operands before the weights: x, h, c
WEIGHTS, RECURRENT, BIASES = (slice(STATES + 4 * i, STATES + 4 * i + 4) for i in range(3))
OPERANDS = STATES + 3 * len(GATES)
MAX_INTEGER_BITS = 6  # of the cell state
_GATE_SCALE = 2.0**-12
_UNIT_SCALE = 2.0**-15


@dataclass(frozen=True, slots=True)
class LstmArithmetic:
    """Finished numbers.

    ``x`` and ``h`` rescale the sums of each gate to Q3.12; ``bits`` are the integer bits of the
    cell state and ``clip`` its largest magnitude, if any. ``keep`` and ``renew`` rescale what
    the forget and the input gate let through, which are shifts where they are ``None``: TFLite
    Micro multiplies, and has tables for logistic and tanh. ``hidden`` rescales the output.
    """

    x: tuple[Requant, ...]
    h: tuple[Requant, ...]
    keep: Requant | None
    renew: Requant | None
    hidden: Requant
    bits: int
    clip: int | None

    @property
    def by_table(self) -> bool:
        """Tell whether logistic and tanh are interpolated between entries of a table."""
        return self.keep is not None

    @property
    def cell_range(self) -> tuple[int, int]:
        """Return the least and the largest cell state."""
        return (-32768, 32767) if self.clip is None else (-self.clip, self.clip)

    @property
    def table_input(self) -> tuple[int, int]:
        """Return multiplier and shift that bring the cell state to the table of tanh."""
        left = self.bits - 3
        return (3 << left, 0) if left >= 0 else (3, -left)


@register("lstm")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lstm(Op):
    """Inputs: x, output h [B,C] and cell state c [B,C] before, then weights and biases.

    These are the weights [C,I] of the gates input, forget, cell and output, then their recurrent
    weights [C,C], then their biases [C]. x is [T,B,I] when ``time_major``, else [B,T,I].
    Outputs: y (as x, with C in place of I), and h and c after. ``cell_clip`` bounds the cell state
    in real numbers; 0 does not.
    """

    time_major: bool = False
    cell_clip: float = 0.0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when shapes or types do not fit."""
        found = f"{len(io.ins)} inputs and {len(io.outs)} outputs, expected {OPERANDS} and 3"
        require(self, len(io.ins) == OPERANDS and len(io.outs) == 3, found)
        require_rank(self, io.x.shape, 3, "input")
        require_rank(self, io.ins[3].shape, 2, "weights")
        cells, depth = io.ins[3].shape
        shapes = (
            (io.ins[WEIGHTS], (cells, depth)),
            (io.ins[RECURRENT], (cells, cells)),
            (io.ins[BIASES], (cells,)),
            (io.ins[1:STATES], (self.sizes(io)[1], cells)),
        )
        require(self, io.x.shape[2] == depth, f"input {io.x.shape} times weights of {depth}")
        for tensors, shape in shapes:
            for tensor in tensors:
                what = f"tensor '{tensor.name}' has shape {tensor.shape}, expected {shape}"
                require(self, tensor.shape == shape, what)
        self._check_types(io)
        self._check_codes(io)

    def _check_types(self, io: Operands) -> None:
        int8 = (io.x, io.ins[1], *io.ins[WEIGHTS], *io.ins[RECURRENT], io.y, io.outs[1])
        groups = (
            (int8, DType.INT8),
            (io.ins[BIASES], DType.INT32),
            ((io.ins[2], io.outs[2]), DType.INT16),
        )
        for tensors, dtype in groups:
            for tensor in tensors:
                what = f"tensor '{tensor.name}' is {tensor.dtype.value}, expected {dtype.value}"
                require(self, tensor.dtype is dtype, what)
                one = tensor.quant is not None and not tensor.quant.per_channel
                coded = one or dtype is DType.INT32
                require(self, coded, f"tensor '{tensor.name}' has no scale, or several")
        for tensor in io.ins[STATES:]:
            require(self, tensor.is_constant, f"weights or bias '{tensor.name}' are not constant")

    def _check_codes(self, io: Operands) -> None:
        h, c = io.ins[1:STATES]
        same = h.quant == io.y.quant == io.outs[1].quant and c.quant == io.outs[2].quant
        require(self, same, "output and states have other codes than the states before")
        for tensor in (c, *io.ins[WEIGHTS], *io.ins[RECURRENT]):
            require(self, tensor.zero_point == 0, f"zero point of '{tensor.name}' is not 0")
        fraction, exponent = math.frexp(c.scale)
        fits = fraction == 0.5 and 0 <= 14 + exponent <= MAX_INTEGER_BITS
        require(self, fits, f"scale {c.scale!r} of the cell state is not one of 2^-15 to 2^-9")
        bounded = 0 <= self.cell_clip < math.inf
        require(self, bounded, f"the cell state is clipped at {self.cell_clip}")

    def sizes(self, io: Operands) -> tuple[int, int]:
        """Return the numbers of steps and batches."""
        steps, batches = io.x.shape[:2] if self.time_major else io.x.shape[1::-1]
        return steps, batches

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the shapes of output and states."""
        cells = io.ins[3].shape[0]
        state = (self.sizes(io)[1], cells)
        return (*io.x.shape[:2], cells), state, state

    def macs(self, io: Operands) -> int:
        """Return the weights of all gates, for each step."""
        cells, depth = io.ins[3].shape
        return math.prod(io.x.shape[:2]) * len(GATES) * cells * (depth + cells)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in multipliers; raise when 32 bits do not hold the sum of a gate."""
        for x, weights, biases in (
            (io.x, io.ins[WEIGHTS], io.ins[BIASES]),
            (io.ins[1], io.ins[RECURRENT], ()),
        ):
            check_sums(self, x, weights, biases)
        rounding = numerics.rounding(self.KIND)
        c = io.ins[2].scale
        micro = numerics.micro
        # LiteRT divides one after the other, in float32.
        narrow = np.float32
        real = narrow(_UNIT_SCALE) / narrow(io.y.scale) * narrow(_UNIT_SCALE)
        hidden = _UNIT_SCALE**2 / io.y.scale if micro else float(real)
        arithmetic = LstmArithmetic(
            _gate_factors(io.x, io.ins[WEIGHTS], rounding),
            _gate_factors(io.ins[1], io.ins[RECURRENT], rounding),
            requant_from_scale([_UNIT_SCALE], rounding) if micro else None,
            requant_from_scale([_UNIT_SCALE**2 / c], rounding) if micro else None,
            requant_from_scale([hidden], rounding),
            14 + math.frexp(c)[1],
            self._bound(c, micro),
        )
        return self.with_arithmetic(arithmetic)

    def _bound(self, scale: float, micro: bool) -> int | None:
        """Return the code at which the cell state is clipped; LiteRT takes 0 for none."""
        with np.errstate(over="ignore"):
            steps = np.float32(self.cell_clip) / np.float32(scale)
        bound = int(min(steps, np.float32(32767)))
        return bound if bound or (micro and self.cell_clip) else None

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers, a step at a time (sums as exact floats)."""
        x, h, c = arrays[:STATES]
        numbers: LstmArithmetic = self.arithmetic
        steps = x if self.time_major else x.swapaxes(0, 1)
        sums = _sums(io.x, io.ins[WEIGHTS], steps)
        driven = [
            np.clip(requantize(acc + bias.array, requant), -32768, 32767)
            for acc, bias, requant in zip(sums, io.ins[BIASES], numbers.x, strict=True)
        ]
        outputs = []
        for step in range(len(steps)):
            recurrent = _sums(io.ins[1], io.ins[RECURRENT], h)
            back = [
                requantize(acc, requant).astype(np.int64)
                for acc, requant in zip(recurrent, numbers.h, strict=True)
            ]
            if numbers.by_table:
                back = [np.clip(gate, -32768, 32767) for gate in back]
            gates = [
                np.clip(gate[step] + other, -32768, 32767)
                for gate, other in zip(driven, back, strict=True)
            ]
            h, c = _next(io, numbers, gates, c)
            outputs.append(h)
        y = np.stack(outputs)
        return (y if self.time_major else y.swapaxes(0, 1).copy()), h, c


def check_sums(op: Op, x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Raise ``QuantizationError`` when 32 bits may not hold some gate's sum."""
    for place, w in enumerate(weights):
        sums = np.abs(centred(w, np.int32)).sum(axis=1, dtype=np.int64) * reach(x)
        if biases:
            sums = sums + np.abs(biases[place].array.astype(np.int64))
        worst = int(sums.max(initial=0))
        if worst > INT32_LIMIT:
            raise QuantizationError(
                f"the accumulator can reach {worst}, more than 32 bits hold", where=op.source
            )


def _gate_factors(x: Tensor, weights: Sequence[Tensor], rounding: Rounding) -> tuple[Requant, ...]:
    """Return the requantizer of each gate's sums; runtimes multiply the scales in float32."""
    return tuple(
        requant_from_scale(
            [float(np.float32(x.scale) * np.float32(w.scale)) / _GATE_SCALE], rounding
        )
        for w in weights
    )


def _sums(x: Tensor, weights: Sequence[Tensor], array: np.ndarray) -> list[np.ndarray]:
    """Return the sums of products of each gate, as int32."""
    real = exact_float(255 * 128 * array.shape[-1])
    centred_x = array.astype(real) - real(x.zero_point)
    return [(centred_x @ w.array.astype(real).T).astype(np.int32) for w in weights]


def _next(
    io: Operands, numbers: LstmArithmetic, gates: Sequence[np.ndarray], c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return output and cell state after a step, from the sums of the gates in Q3.12."""
    logistic, tanh, tanh_c = _functions(numbers)
    enter, forget, output = (logistic(gates[place]).astype(np.int32) for place in (0, 1, 3))
    kept = _scaled(forget * c, numbers.keep, 15)
    new = _scaled(enter * tanh(gates[2]), numbers.renew, 15 + numbers.bits)
    low, high = numbers.cell_range
    c = np.clip(kept.astype(np.int64) + new, low, high).astype(np.int16)
    zero = io.y.zero_point
    h = requantize(output * tanh_c(c), numbers.hidden)
    h = np.clip(h, -128 - zero, 127 - zero) + zero
    return h.astype(np.int8), c


def _scaled(product: np.ndarray, requant: Requant | None, shift: int) -> np.ndarray:
    if requant is None:
        return shift_right_away_s32(product, shift)
    return np.clip(requantize(product, requant), -32768, 32767)


Function = Callable[[np.ndarray], np.ndarray]


def _functions(numbers: LstmArithmetic) -> tuple[Function, Function, Function]:
    """Return logistic and tanh of gates, and tanh of the cell state."""
    if not numbers.by_table:
        return (
            logistic_q3_s16,
            lambda a: tanh_qm_s16(a, 3),
            lambda a: tanh_qm_s16(a, numbers.bits),
        )
    multiplier, shift = numbers.table_input
    return (
        lambda a: logistic_s16(a, 3, 0),
        lambda a: tanh_s16(a, 3, 0),
        lambda a: tanh_s16(a, multiplier, shift),
    )
