"""DSP extension rows of pooling and means."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS
from edgeq.kernels.portable.pooling import (
    SHORT_TAPS,
    UNROLLED_TAPS,
    average_pool2d_facts,
    max_pool2d_facts,
)
from edgeq.kernels.portable.reduction import NESTED, groups, mean_facts
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean

FILES = (*HEADERS, "edgeq_elementwise_dsp.h")
CHANNELS = 8  # that are summed together, the last perhaps again
WORD = 4  # channels that are compared together


def average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool; the pixels of a whole image are one line."""
    facts = average_pool2d_facts(op, io)
    constants = {name: value for name, value in facts.constants.items() if name != "BLOCK"}
    whole = op.window == io.x.shape[1:3] and not op.padding.any
    if whole:
        names = ("IMAGES", "CHANNELS", "COUNT", "OFFSET", "LOW", "HIGH")
        constants = {name: constants[name] for name in names}
    return replace(facts, constants=constants, flags={**facts.flags, "whole": whole})


def _averages(op: AveragePool2D, io: Operands) -> bool:
    few = op.window[0] * op.window[1] <= SHORT_TAPS
    return io.x.dtype is DType.INT8 and few and io.x.shape[3] >= CHANNELS


def window_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool whose windows are walked in loops."""
    facts = max_pool2d_facts(op, io)
    constants = {name: value for name, value in facts.constants.items() if name != "LOW"}
    window = {"WINDOW_H": op.window[0], "WINDOW_W": op.window[1]}
    flags = {"padded": op.padding.any, "rows": (), "columns": ()}
    return replace(facts, constants={**constants, **window}, flags=flags)


def maximum_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool; small windows without padding are written out."""
    facts = window_facts(op, io)
    rows, columns = op.window
    if rows * columns > UNROLLED_TAPS or op.padding.any:
        return facts
    window = ("WINDOW_H", "WINDOW_W")
    constants = {name: value for name, value in facts.constants.items() if name not in window}
    flags = {**facts.flags, "rows": range(rows), "columns": range(columns)}
    return replace(facts, constants=constants, flags=flags)


def takes_maximum(op: MaxPool2D, io: Operands) -> bool:
    """Tell whether a maximum pool saturates to its whole type, four channels or more."""
    whole = (op.arithmetic.low, op.arithmetic.high) == (io.y.dtype.min, io.y.dtype.max)
    return io.x.dtype is DType.INT8 and whole and io.x.shape[3] >= WORD


def short_mean_facts(op: Mean, io: Operands) -> Facts:
    """Return the facts of a mean over axes before the last."""
    facts = mean_facts(op, io)
    constants = {name: value for name, value in facts.constants.items() if name != "BLOCK"}
    return replace(facts, constants=constants, flags={"requant": facts.flags["requant"]})


def _mean_s8(op: Mean, io: Operands) -> bool:
    runs = groups(io.x.shape, op.axes)
    fits = io.x.dtype is DType.INT8 and len(runs) <= NESTED and runs[-1] >= CHANNELS
    return fits and op.count(io) <= SHORT_TAPS


ROWS: tuple[Kernel, ...] = (
    Kernel("dsp/average_pool2d_s8", AveragePool2D, average_facts, _averages, headers=FILES),
    Kernel("dsp/max_pool2d_s8", MaxPool2D, maximum_facts, takes_maximum, headers=FILES),
    Kernel("dsp/mean_s8", Mean, short_mean_facts, _mean_s8, headers=FILES),
)
