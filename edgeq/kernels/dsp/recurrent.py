"""DSP extension rows of LSTM: the sums of all gates are those of a fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.fully_connected import DEEPEST, FILES, FILLED, GROUP, matrix_stream, width
from edgeq.kernels.portable.recurrent import LSTM_UPDATES
from edgeq.kernels.portable.recurrent import lstm_facts as portable_facts
from edgeq.ops.lstm import BIASES, OPERANDS, RECURRENT, STATES, WEIGHTS, Lstm
from edgeq.plan.program import Data, Scratch

BLOCK = 8  # cells whose sums are kept at a time


def _rows(tensors: Sequence[Tensor]) -> np.ndarray:
    """Return the weights of all gates, those of one cell next to each other."""
    rows: np.ndarray = np.stack([tensor.array for tensor in tensors], axis=1).astype(np.int32)
    return rows.reshape(-1, rows.shape[-1])


def _biases(io: Operands) -> np.ndarray:
    biases: np.ndarray = np.stack([tensor.array for tensor in io.ins[BIASES]], axis=1)
    return biases.reshape(-1).astype(np.int64)


def _folded(x: Tensor, weights: np.ndarray, bias: np.ndarray | int) -> np.ndarray:
    """Return the bias less what the zero point of ``x`` adds to every sum."""
    folded: np.ndarray = bias - x.zero_point * weights.sum(axis=1, dtype=np.int64)
    return folded


def _matrices(io: Operands) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return weights and biases of what is summed of x, and of what comes back."""
    weights, recurrent = _rows(io.ins[WEIGHTS]), _rows(io.ins[RECURRENT])
    first = _folded(io.x, weights, _biases(io))
    return (weights, first), (recurrent, _folded(io.ins[1], recurrent, 0))


def lstm_facts(op: Lstm, io: Operands) -> Facts:
    """Return the facts of an LSTM whose sums are formed before its cells."""
    facts = portable_facts(op, io)
    streams, functions = [], []
    for name, (weights, bias) in zip(("stream", "back"), _matrices(io), strict=True):
        nothing = np.zeros((len(weights), 0), np.int32)
        words = matrix_stream(weights, bias.astype(np.int32), nothing)
        streams.append(Data(name, words, "four outputs at a time"))
        functions.append(f"{width(weights)}_sums")
    pairs, before = (-(-depth // FILLED) * FILLED // 2 for depth in (io.x.shape[2], io.y.shape[2]))
    block = min(BLOCK, io.y.shape[2])
    sizes = {
        "BLOCK": block,
        "PAIRS": pairs,
        "BEFORE_PAIRS": before,
        # Of the weights and biases of a cell's four gates.
        "WORDS": 2 * pairs + GROUP,
        "BEFORE_WORDS": 2 * before + GROUP,
    }
    gone = ("X_ZERO",)
    constants = {name: value for name, value in facts.constants.items() if name not in gone}
    kept = (data for data in facts.data if data.name not in ("weights", "recurrent", "bias"))
    return replace(
        facts,
        constants={**constants, **sizes},
        data=(*streams, *kept),
        flags={**facts.flags, "functions": functions},
        scratch=Scratch("pairs", DType.INT32, pairs + before + 2 * GROUP * block),
    )


def _multiplies(op: Lstm, io: Operands) -> bool:
    """Tell whether no sum leaves a word, also without the zero points."""
    if max(io.x.shape[2], io.y.shape[2]) >= DEEPEST:
        return False
    reached = (
        int((128 * np.abs(weights).sum(axis=1, dtype=np.int64) + np.abs(bias)).max())
        for weights, bias in _matrices(io)
    )
    return max(reached) < 2**31


ROWS = (
    Kernel(
        "dsp/lstm_s8",
        Lstm,
        lstm_facts,
        _multiplies,
        packed=tuple(range(STATES, OPERANDS)),
        roles=("x", "h", "c", "y", "next_h", "next_c"),
        updates=LSTM_UPDATES,
        headers=FILES,
    ),
)
