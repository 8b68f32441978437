"""Portable rows of operations with a state: SVDF, LSTM, and windows that move on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import s8
from edgeq.kernels.portable.movement import dimensions
from edgeq.kernels.portable.pairwise import rescalings
from edgeq.kernels.requant import requant_facts
from edgeq.numerics.tables import LOGISTIC_U16
from edgeq.ops.lstm import BIASES, GATES, OPERANDS, RECURRENT, STATES, WEIGHTS, Lstm, LstmArithmetic
from edgeq.ops.lstm_cell import LstmCell
from edgeq.ops.push import Push
from edgeq.ops.svdf import Svdf
from edgeq.plan.program import Data, Scratch

LANES = 4  # filters whose sums over features are formed together


def svdf_facts(op: Svdf, io: Operands) -> Facts:
    """Return the facts of an SVDF layer."""
    x, state, feature, time = io.ins[:4]
    filters, depth = feature.shape
    units = filters // op.rank
    numbers = rescalings(feature=op.arithmetic.feature, time=op.arithmetic.time)
    lanes = min(LANES, filters)
    constants = {
        "ROWS": x.shape[0],
        "DEPTH": depth,
        "FILTERS": filters,
        "UNITS": units,
        "RANK": op.rank,
        "STEPS": time.shape[1],
        "LANES": lanes,
        "X_ZERO": x.zero_point,
        "STATE_LOW": state.dtype.min,
        "STATE_HIGH": state.dtype.max,
        "LOW": -128 - io.y.zero_point,
        "HIGH": 127 - io.y.zero_point,
        "Y_ZERO": io.y.zero_point,
        **numbers.constants,
    }
    bias = io.ins[4].array if len(io.ins) > 4 else np.zeros(units, np.int32)
    data = (
        Data("feature", feature.array, f"weights of features [{filters}, {depth}]"),
        Data("time", time.array, f"weights of time [{filters}, {time.shape[1]}]"),
        Data("bias", bias, "bias"),
        *numbers.data,
    )
    note = f"SVDF, {depth} to {units} by {filters} filters over {time.shape[1]} steps"
    flags = {**numbers.flags, "lanes": range(lanes)}
    return Facts(constants, data, flags, Scratch("row", DType.INT16, depth), note)


def gate_requants(numbers: LstmArithmetic) -> dict[str, Requant]:
    """Return every requantizer of an LSTM under the name that templates know it by."""
    found = {f"x{gate}": requant for gate, requant in enumerate(numbers.x)}
    found.update({f"h{gate}": requant for gate, requant in enumerate(numbers.h)})
    found["hidden"] = numbers.hidden
    if numbers.keep is not None and numbers.renew is not None:
        found.update(keep=numbers.keep, renew=numbers.renew)
    return found


def lstm_constants(op: Lstm, io: Operands) -> dict[str, int]:
    """Return sizes and bounds of an LSTM, as constants."""
    numbers: LstmArithmetic = op.arithmetic
    steps, batches = op.sizes(io)
    low, high = numbers.cell_range
    reach = 1 if numbers.by_table else 2
    constants = {
        "STEPS": steps,
        "BATCHES": batches,
        "STEP_ROWS": batches if op.time_major else 1,
        "BATCH_ROWS": 1 if op.time_major else steps,
        "DEPTH": io.x.shape[2],
        "CELLS": io.y.shape[2],
        "X_ZERO": io.x.zero_point,
        "H_ZERO": io.y.zero_point,
        # Beyond these what comes back leaves the sum saturated, whatever it is added to.
        "BACK_LOW": -32768 * reach,
        "BACK_HIGH": 32768 * reach - 1,
        "CELL_LOW": low,
        "CELL_HIGH": high,
        "LOW": -128 - io.y.zero_point,
        "HIGH": 127 - io.y.zero_point,
    }
    if numbers.by_table:
        multiplier, shift = numbers.table_input
        return {**constants, "TANH_MULTIPLIER": multiplier, "TANH_SHIFT": shift}
    shifts = {"KEEP_SHIFT": 15, "RENEW_SHIFT": 15 + numbers.bits}
    return {**constants, **shifts, "CELL_BITS": numbers.bits}


def _by_cell(tensors: Sequence[Tensor]) -> np.ndarray:
    """Return the rows of all gates that belong to one cell next to each other."""
    return np.stack([tensor.array for tensor in tensors], axis=1)


def lstm_facts(op: Lstm, io: Operands) -> Facts:
    """Return the facts of an LSTM."""
    depth, cells = io.x.shape[2], io.y.shape[2]
    numbers = rescalings(**gate_requants(op.arithmetic))
    data = (
        Data("weights", _by_cell(io.ins[WEIGHTS]), f"weights [{cells}, 4, {depth}]"),
        Data("recurrent", _by_cell(io.ins[RECURRENT]), f"recurrent weights [{cells}, 4, {cells}]"),
        Data("bias", _by_cell(io.ins[BIASES]), f"biases [{cells}, 4]"),
        *numbers.data,
    )
    by_table = op.arithmetic.by_table
    if by_table:
        note = "65536 / (1 + e^(-i / 24)) for i = 0..255"
        data = (*data, Data("table", LOGISTIC_U16, note))
    flags = {**numbers.flags, "gates": range(len(GATES)), "by_table": by_table}
    scratch = Scratch("row", DType.INT16, depth + cells)
    note = f"LSTM, {depth} to {cells}, {op.sizes(io)[0]} steps"
    return Facts({**lstm_constants(op, io), **numbers.constants}, data, flags, scratch, note)


def lstm_cell_facts(op: LstmCell, io: Operands) -> Facts:
    """Return the facts of one step of an LSTM."""
    (batches, depth), cells = io.x.shape, io.y.shape[1]
    weights, bias = io.ins[3:]
    requant = requant_facts(op.arithmetic)
    constants = {
        "BATCHES": batches,
        "DEPTH": depth,
        "CELLS": cells,
        "ROW": depth + cells,
        "X_ZERO": io.x.zero_point,
        "W_ZERO": weights.zero_point,
        **requant.constants,
    }
    by_cell = weights.array.reshape(len(GATES), cells, -1).swapaxes(0, 1)
    note = f"weights [{cells}, 4, {depth + cells}]"
    data = (
        Data("weights", by_cell, note),
        Data("bias", bias.array.reshape(len(GATES), cells).T, f"biases [{cells}, 4]"),
        *requant.data,
    )
    flags = {"requant": requant.flag, "gates": range(len(GATES))}
    scratch = Scratch("row", DType.INT16, depth + cells)
    return Facts(constants, data, flags, scratch, f"LSTM cell, {depth} to {cells}")


def push_facts(op: Push, io: Operands) -> Facts:
    """Return the facts of a window that moves on, in runs as long as what enters."""
    count = elements(io.y.shape[: op.axis])
    row, fresh = (tensor.elements // count for tensor in io.ins)
    whole, rest = divmod(row - fresh, fresh)
    constants = {"ROWS": count, "ROW": row, "FRESH": fresh, "RUNS": whole, "REST": rest}
    note = f"window of {dimensions(io.y.shape)} moves on by {io.ins[1].shape[op.axis]}"
    return Facts(constants, flags={"rest": bool(rest)}, note=note)


# Of the inputs h and c, and what they are after.
LSTM_UPDATES = ((1, 1), (2, 2))

ROWS = (
    Kernel("portable/push", Push, push_facts, roles=("x", "fresh", "y"), in_place=0),
    Kernel(
        "portable/svdf_s8",
        Svdf,
        svdf_facts,
        packed=(2, 3, 4),
        roles=("x", "state", "y", "next"),
        updates=((1, 1),),
    ),
    Kernel(
        "portable/lstm_cell_s8",
        LstmCell,
        lstm_cell_facts,
        s8,
        packed=(3, 4),
        roles=("x", "h", "c", "y", "next_c"),
        updates=((1, 0), (2, 1)),
    ),
    Kernel(
        "portable/lstm_s8",
        Lstm,
        lstm_facts,
        packed=tuple(range(STATES, OPERANDS)),
        roles=("x", "h", "c", "y", "next_h", "next_c"),
        updates=LSTM_UPDATES,
    ),
)
