"""HVX rows of pooling and means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.division import mean_factor
from edgeq.kernels.hvx.common import HEADERS, VECTOR
from edgeq.kernels.portable.pooling import (
    RECIPROCAL_BITS,
    average_pool2d_facts,
    max_pool2d_facts,
)
from edgeq.kernels.portable.reduction import NESTED, groups, mean_facts
from edgeq.kernels.requant import requant_facts
from edgeq.kernels.rescale import RescaleFlag
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.plan.program import Data, Scratch

FILES = (*HEADERS, "edgeq_sums_hvx.h")
SHORT_TAPS = 255  # codes whose sum is 16 bits
MOST_COLUMNS = 8  # of a window whose rows are written out
MOST_TAPS = 25  # of a window whose maximum is written out


def _vectors(io: Operands, channels: int) -> dict[str, object]:
    """Return how vectors of channels lie: less than one, or a last one that overlaps."""
    return {
        "few": channels < VECTOR,
        "ragged": channels > VECTOR and channels % VECTOR != 0,
        "near": channels < VECTOR,
    }


def _clear(op: AveragePool2D | MaxPool2D, io: Operands) -> int:
    """Return how many first pixels of the output whole vectors may be read and written for.

    Only those of few channels reach beyond a pixel: what they write there is written again later.
    """
    n, in_h, in_w, channels = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    bottom, right = (
        np.minimum(np.arange(outs) * stride - before + window, pixels) - 1
        for outs, stride, before, window, pixels in (
            (out_h, op.stride[0], op.padding.top, op.window[0], in_h),
            (out_w, op.stride[1], op.padding.left, op.window[1], in_w),
        )
    )
    rows = np.arange(n)[:, None] * in_h + bottom
    read = (rows[..., None] * in_w + right).ravel() * channels + VECTOR <= io.x.elements
    written = np.arange(read.size) * channels + VECTOR <= io.y.elements
    return int(np.logical_and.accumulate(read & written).sum())


def _turns(op: AveragePool2D | MaxPool2D, io: Operands) -> dict[str, int]:
    """Return the pixels where vectors are whole, if that is not all."""
    pixels = io.y.elements // io.y.shape[3]
    return {"PIXELS": pixels, **({"CLEAR": _clear(op, io)} if io.y.shape[3] < VECTOR else {})}


def _rescaling(requant: Requant) -> tuple[dict[str, int], RescaleFlag]:
    found = requant_facts(requant)
    return found.constants, RescaleFlag(found.flag.primitive, False, False, False, True)


def _fits(io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and io.x.elements >= VECTOR


# ---- Means --------------------------------------------------------------------------------


def mean_s8_facts(op: Mean, io: Operands) -> Facts:
    """Return the facts of a mean over axes before the last."""
    facts = mean_facts(op, io)
    portable = facts.constants
    constants, flag = _rescaling(op.arithmetic)
    channels = portable["INNER"]
    loops = {name: portable[name] for name in ("OUTER", "ROWS", "MIDDLE", "COLUMNS")}
    return Facts(
        constants={
            **loops,
            "CHANNELS": channels,
            "BYTES": io.x.elements,
            "OFFSET": -op.count(io) * io.x.zero_point,
            "Y_ZERO": io.y.zero_point,
            "LOW": io.y.dtype.min,
            "HIGH": io.y.dtype.max,
            **constants,
        },
        flags={"rescale": flag, **_vectors(io, channels)},
        note=facts.note,
    )


def _mean_s8(op: Mean, io: Operands) -> bool:
    runs = groups(io.x.shape, op.axes)
    if not _fits(io) or len(runs) > NESTED or runs[-1] == 1:
        return False
    integer = op.arithmetic.rounding is not Rounding.FLOAT32
    return integer and mean_facts(op, io).constants["COLUMNS"] <= SHORT_TAPS


# ---- Pooling ------------------------------------------------------------------------------


def average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool of small windows: sums times a reciprocal.

    The portable facts tell why the quotient is exact.
    """
    facts = average_pool2d_facts(op, io)
    taps = op.window[0] * op.window[1]
    unused = ("IMAGES", "BLOCK", "COUNT", "OFFSET", "RECIPROCAL_BITS")
    window = {name: value for name, value in facts.constants.items() if name not in unused}
    reciprocals = (1 << RECIPROCAL_BITS) // np.arange(1, taps + 1) + 1
    count = {"COUNT": taps, "RECIPROCAL": int(reciprocals[-1])}
    data: tuple[Data, ...] = ()
    if facts.flags["padded"]:
        count = {}
        data = (Data("reciprocal", reciprocals.astype(np.int32), "2^24 / count + 1 of counts"),)
    constants = {**window, **_turns(op, io), "BYTES": io.x.elements, **count}
    flags = {name: facts.flags[name] for name in ("padded", "away")}
    flags["columns"] = range(op.window[1]) if op.window[1] <= MOST_COLUMNS else ()
    return Facts(constants, data, {**flags, **_vectors(io, io.x.shape[3])}, None, facts.note)


def _averages(op: AveragePool2D, io: Operands) -> bool:
    return _fits(io) and op.window[0] * op.window[1] <= SHORT_TAPS


def long_average_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool of windows inside the image, by a proven factor."""
    facts = average_pool2d_facts(op, io)
    factor = mean_factor(op.window[0] * op.window[1], op.round_half_up)
    constants, flag = _rescaling(factor) if factor is not None else ({}, None)
    unused = ("BLOCK", "COUNT", "OFFSET", "LOW", "HIGH")
    window = {name: value for name, value in facts.constants.items() if name not in unused}
    clamp = {"Y_ZERO": 0, "LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    return replace(
        facts,
        constants={**window, "BYTES": io.x.elements, **clamp, **constants},
        flags={"rescale": flag, **_vectors(io, io.x.shape[3])},
    )


def _averages_long(op: AveragePool2D, io: Operands) -> bool:
    if not _fits(io) or op.padding.any or op.window[1] > SHORT_TAPS:
        return False
    return mean_factor(op.window[0] * op.window[1], op.round_half_up) is not None


def maximum_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool of small windows."""
    facts = max_pool2d_facts(op, io)
    unused = ("IMAGES", "WINDOW_H", "WINDOW_W", "LOW", "HIGH")
    window = {name: value for name, value in facts.constants.items() if name not in unused}
    clamp = {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    rows, columns = op.window
    return replace(
        facts,
        constants={**window, **_turns(op, io), "BYTES": io.x.elements, **clamp},
        flags={
            "padded": op.padding.any,
            "rows": range(rows),
            "columns": range(columns),
            **_vectors(io, io.x.shape[3]),
        },
    )


def _takes_maximum(op: MaxPool2D, io: Operands) -> bool:
    return _fits(io) and op.window[0] * op.window[1] <= MOST_TAPS


def lines_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool of few channels: first down whole rows, then across."""
    facts = max_pool2d_facts(op, io)
    _, in_h, in_w, channels = io.x.shape
    n, out_h, out_w, _ = io.y.shape
    before = op.padding.left * channels
    across = ((out_w - 1) * op.stride[1] + op.window[1]) * channels
    line = max(across, in_w * channels + before)
    constants = {
        "ROWS": n * out_h,
        "IN_H": in_h,
        "IN_LINE": in_w * channels,
        "OUT_H": out_h,
        "OUT_W": out_w,
        "CHANNELS": channels,
        "STRIDE_H": op.stride[0],
        "STEP": op.stride[1] * channels,
        "CLEAR": out_w - (VECTOR - 1) // channels,
        "LOW": op.arithmetic.low,
        "HIGH": op.arithmetic.high,
    }
    if op.padding.any:
        beside = line - in_w * channels
        constants |= {"PAD_TOP": op.padding.top, "BEFORE": before, "BESIDE": beside}
    flags = {
        "padded": op.padding.any,
        "rows": range(op.window[0]),
        "columns": range(op.window[1]),
    }
    # Vectors of a last pixel read beyond it.
    return Facts(constants, (), flags, Scratch("line", DType.INT8, line + VECTOR), facts.note)


def _takes_lines(op: MaxPool2D, io: Operands) -> bool:
    channels = io.x.shape[3]
    whole = min(io.x.shape[2], io.y.shape[2]) * channels >= VECTOR
    return _takes_maximum(op, io) and channels < VECTOR and whole and op.window[1] > 1


ROWS = (
    Kernel("hvx/average_pool2d_s8", AveragePool2D, average_facts, _averages, headers=FILES),
    Kernel(
        "hvx/average_pool2d_long_s8",
        AveragePool2D,
        long_average_facts,
        _averages_long,
        headers=FILES,
    ),
    Kernel("hvx/max_pool2d_lines_s8", MaxPool2D, lines_facts, _takes_lines, headers=FILES),
    Kernel("hvx/max_pool2d_s8", MaxPool2D, maximum_facts, _takes_maximum, headers=FILES),
    Kernel("hvx/mean_s8", Mean, mean_s8_facts, _mean_s8, headers=FILES),
)
