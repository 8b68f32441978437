"""Portable rows of softmax and log-softmax."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import s8, s16
from edgeq.kernels.requant import requant_facts
from edgeq.numerics.softmax import SoftmaxInput, SoftmaxS16
from edgeq.numerics.tables import EXP_S16, RECIPROCAL_S16
from edgeq.ops._float_math import (
    LEAST,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    ROOT_2,
    exp_series,
    log_series,
)
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.softmax import Softmax, SoftmaxTable
from edgeq.plan.program import Data, Scratch

MAX_SHIFT = 31


def exponentials(numbers: SoftmaxInput, elements: int) -> np.ndarray | None:
    """Return e^-d (Q0.31) of differences d = 0, 1, ... up to the first 0, or ``None``.

    A table costs up to 1 KB of flash, and saves some sixty instructions for each element of a
    run. It is worth that where a run has more elements than the table has entries: 1001 classes,
    or two classes of every pixel, but not one row of ten.
    """
    exps = numbers.exponentials().astype(np.int32)
    entries = min(2 - numbers.diff_min, len(exps))
    return exps[:entries] if entries < elements else None


def _exponent(numbers: SoftmaxInput, exps: np.ndarray | None) -> dict[str, int]:
    if exps is not None:
        return {"LAST": len(exps) - 1}
    return {
        "FACTOR": numbers.multiplier,
        "LEFT": numbers.left,
        "FARTHEST": -numbers.diff_min,
    }


def _flags(numbers: SoftmaxInput, exps: np.ndarray | None) -> dict[str, object]:
    single = numbers.rounding is Rounding.SINGLE
    return {"table": exps is not None, "single": single}


def _data(exps: np.ndarray | None) -> tuple[Data, ...]:
    return () if exps is None else (Data("exps", exps, "e^-d of code differences d, Q0.31"),)


def _scratch(io: Operands, exps: np.ndarray | None) -> Scratch | None:
    return Scratch("exps", DType.INT32, io.x.shape[-1]) if exps is None else None


def row_constants(io: Operands) -> dict[str, int]:
    """Return how many rows there are, and their length."""
    length = io.x.shape[-1]
    return {"ROWS": io.x.elements // length, "LENGTH": length}


def softmax_facts(op: Softmax, io: Operands) -> Facts:
    """Return the facts of a softmax."""
    numbers: SoftmaxInput = op.arithmetic
    exps = exponentials(numbers, io.x.elements)
    y = io.y.dtype
    constants = {
        **row_constants(io),
        **_exponent(numbers, exps),
        "SHIFT": 43 - 8 * y.bytes,
        "LOW": y.min,
        "HIGH": y.max,
    }
    # The sum has 19 fraction bits, so a row of n has at least 12 - log2(n) leading zeros.
    least_zeros = 12 - (io.x.shape[-1] - 1).bit_length()
    flags = {**_flags(numbers, exps), "far": 43 - 8 * y.bytes - least_zeros > MAX_SHIFT}
    note = f"softmax of {io.x.shape[-1]}"
    return Facts(constants, _data(exps), flags, _scratch(io, exps), note)


def softmax_s16_facts(op: Softmax, io: Operands) -> Facts:
    """Return the facts of a softmax of int16."""
    numbers: SoftmaxS16 = op.arithmetic
    requant = requant_facts(Requant(numbers.rounding, (numbers.multiplier,), (numbers.shift,)))
    data = (
        Data("exps", EXP_S16, "e^x for x = -10..0, scale 2^-15"),
        Data("reciprocals", RECIPROCAL_S16, "1 / (1 + x) for x = 0..1, scale 2^-15"),
        *requant.data,
    )
    constants = {**row_constants(io), **requant.constants}
    note = f"softmax of {io.x.shape[-1]}"
    return Facts(constants, data, {"requant": requant.flag}, None, note)


def softmax_f32_facts(op: Softmax, io: Operands) -> Facts:
    """Return the facts of a softmax that adds and divides in float32."""
    numbers: SoftmaxTable = op.arithmetic
    data = Data("exps", numbers.exps, "e^-d of code differences d")
    constants = {**row_constants(io), "LOW": io.y.dtype.min, "HIGH": io.y.dtype.max}
    flags = {"scale": numbers.scale, "unsigned": op.unsigned}
    note = f"softmax of {io.x.shape[-1]}, in float32"
    return Facts(constants, (data,), flags, None, note)


def log_softmax_facts(op: LogSoftmax, io: Operands) -> Facts:
    """Return the facts of a log-softmax."""
    numbers: SoftmaxInput = op.arithmetic.input
    exps = exponentials(numbers, io.x.elements)
    requant = requant_facts(op.arithmetic.reverse, "back_")
    constants = {
        **row_constants(io),
        **_exponent(numbers, exps),
        **_exponent(numbers, None),
        **requant.constants,
    }
    flags = {**_flags(numbers, exps), "back_requant": requant.flag}
    note = f"log-softmax of {io.x.shape[-1]}"
    return Facts(constants, _data(exps), flags, None, note)


def log_softmax_f32_facts(op: LogSoftmax, io: Operands) -> Facts:
    """Return the facts of a log-softmax behind the end of an integer network."""
    flags = {
        "exp_series": [value.hex() for value in exp_series()],
        "log_series": [value.hex() for value in log_series()],
        "log2_e": LOG2_E.hex(),
        "ln2_high": LN2_HIGH.hex(),
        "ln2_low": LN2_LOW.hex(),
        "least": LEAST,
        "root_2": ROOT_2.hex(),
    }
    return Facts(row_constants(io), (), flags, None, f"log-softmax of {io.x.shape[-1]}, in float32")


def _f32(op: LogSoftmax, io: Operands) -> bool:
    return io.x.dtype is DType.FLOAT32


def _table_s8(op: Softmax, io: Operands) -> bool:
    return s8(op, io) and isinstance(op.arithmetic, SoftmaxTable)


ROWS = (
    Kernel("portable/softmax_f32_s8", Softmax, softmax_f32_facts, _table_s8, general=True),
    Kernel("portable/softmax_s8", Softmax, softmax_facts, s8),
    Kernel("portable/softmax_s16", Softmax, softmax_s16_facts, s16),
    Kernel("portable/log_softmax_s8", LogSoftmax, log_softmax_facts, s8),
    Kernel("portable/log_softmax_f32", LogSoftmax, log_softmax_f32_facts, _f32),
)
