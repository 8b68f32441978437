"""Portable rows of reductions over axes: means, sums, extremes and their indices."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import channel_block
from edgeq.kernels.portable.pooling import SHORT_TAPS
from edgeq.kernels.requant import requant_facts
from edgeq.ops._largest import ExtremeElement
from edgeq.ops._reduction import Reduction, Thresholds
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.mean import Mean
from edgeq.ops.reduce_max import ReduceMax
from edgeq.ops.reduce_min import ReduceMin
from edgeq.ops.reduce_sum import ReduceSum
from edgeq.ops.top_k import TopK
from edgeq.plan.program import Data

NESTED = 5
"""Groups of axes that the mean's loops walk: kept, reduced, kept, reduced, kept."""


def groups(shape: Shape, axes: Sequence[int]) -> tuple[int, ...]:
    """Return the extents of runs of axes, in turn kept and reduced; both ends are kept.

    >>> groups((2, 7, 7, 64), (1, 2)), groups((4, 5), (0, 1)), groups((4, 5), ())
    ((2, 49, 64), (1, 20, 1), (20,))
    """
    runs = [1]
    for axis, extent in enumerate(shape):
        reduced = len(runs) % 2 == 0
        if (axis in axes) is not reduced and extent > 1:
            runs.append(extent)
        else:
            runs[-1] *= extent
    return tuple(runs) if len(runs) % 2 else (*runs, 1)


def _thresholds(op: Mean | ReduceSum, io: Operands) -> bool:
    return _mean_s8(op, io) and isinstance(op.arithmetic, Thresholds)


def _mean_s8(op: Reduction, io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and len(groups(io.x.shape, op.axes)) <= NESTED


def _mean_s16(op: Reduction, io: Operands) -> bool:
    return io.x.dtype is DType.INT16 and len(groups(io.x.shape, op.axes)) <= NESTED


def _nest(op: Reduction | ExtremeElement, io: Operands) -> dict[str, int]:
    """Return the extents of all loops; fewer groups leave the outer ones empty.

    So the innermost run stays long.
    """
    runs = groups(io.x.shape, op.axes)
    names = ("OUTER", "ROWS", "MIDDLE", "COLUMNS", "INNER")
    return dict(zip(names, (1,) * (NESTED - len(runs)) + runs, strict=True))


def mean_facts(op: Mean | ReduceSum, io: Operands) -> Facts:
    """Return the facts of a mean or a sum: at most two groups of axes are reduced."""
    nest = _nest(op, io)
    kept_2 = nest["INNER"]
    count = op.count(io)
    numbers = op.numbers(io)
    requant = requant_facts(numbers.requant, row=io.x.shape[-1])
    constants = {
        **nest,
        "BLOCK": channel_block(kept_2),
        "COUNTED_ZERO": numbers.counted,
        "Y_ZERO": numbers.offset,
        "LOW": io.y.dtype.min - numbers.offset,
        "HIGH": io.y.dtype.max - numbers.offset,
        **requant.constants,
    }
    if requant.flag.tail:
        constants["CHANNELS"] = io.x.shape[-1]
    if kept_2 == 1:
        del constants["BLOCK"]
        del constants["INNER"]
    short = io.x.dtype is DType.INT8 and count <= SHORT_TAPS
    flags = {"requant": requant.flag, "rows": kept_2 == 1, "short": short}
    return Facts(constants, requant.data, flags, None, _note(op, io))


def threshold_facts(op: Mean | ReduceSum, io: Operands) -> Facts:
    """Return the facts of a mean or sum whose code is a count of thresholds."""
    note = "the least sum for each code but the lowest"
    data = Data("thresholds", op.arithmetic.sums, note)
    return Facts(_nest(op, io), (data,), {}, None, _note(op, io))


def extreme_facts(op: ExtremeElement, io: Operands) -> Facts:
    """Return the facts of an extreme element: at most two groups of axes are reduced."""
    largest = isinstance(op, ReduceMax)
    note = f"{'largest' if largest else 'smallest'} elements, {_sizes(io)}"
    return Facts(_nest(op, io), (), {"operator": ">" if largest else "<"}, None, note)


def top_k_facts(op: TopK, io: Operands) -> Facts:
    """Return the facts of the largest elements of rows."""
    length = io.x.shape[-1]
    constants = {"ROWS": io.y.elements // op.count, "LENGTH": length, "TAKEN": op.count}
    note = f"{'indices of the ' if op.places else ''}{op.count} largest of {length}"
    return Facts(constants, flags={"places": op.places}, note=note)


def _whole(op: TopK, io: Operands) -> bool:
    return not io.x.dtype.is_float  # where nothing is larger than what is no number


def _nests(op: ExtremeElement, io: Operands) -> bool:
    return len(groups(io.x.shape, op.axes)) <= NESTED


def _note(op: Reduction, io: Operands) -> str:
    what = "mean" if isinstance(op, Mean) else "sum"
    return f"{what} of {op.count(io)}, {_sizes(io)}"


def _sizes(io: Operands) -> str:
    return " to ".join("x".join(map(str, t.shape)) or "1" for t in (io.x, io.y))


def _keys_fit(op: ArgMax, io: Operands) -> bool:
    """Tell whether an 8-bit code and an index fit one int32."""
    last = elements(io.x.shape[op.axis + 1 :]) == 1
    fits = io.x.dtype.bytes == 1 and io.x.shape[op.axis] <= 1 << 22
    return last and fits and not op.smallest


def arg_max_key_facts(op: ArgMax, io: Operands) -> Facts:
    """Return the facts of an arg-max over neighbouring codes.

    The largest of ``code * SPAN - index`` has the largest code, and of equal ones the smallest
    index: a plain maximum, which becomes vector code.
    """
    length = io.x.shape[op.axis]
    span = 1 << max(length - 1, 1).bit_length()
    constants = {
        "ROWS": io.y.elements,
        "LENGTH": length,
        "SPAN": span,
        "LEAST": -(1 << 30),
    }
    return Facts(constants, note=f"index of the largest of {length}")


def arg_max_facts(op: ArgMax, io: Operands) -> Facts:
    """Return the facts of an arg-max over any axis and type."""
    length = io.x.shape[op.axis]
    constants = {
        "OUTER": elements(io.x.shape[: op.axis]),
        "LENGTH": length,
        "INNER": elements(io.x.shape[op.axis + 1 :]),
    }
    flags = {"operator": "<" if op.smallest else ">"}
    what = "smallest" if op.smallest else "largest"
    return Facts(constants, flags=flags, note=f"index of the {what} of {length}")


ROWS = (
    Kernel("portable/reduce_sum_s8", Mean, threshold_facts, _thresholds, general=True),
    Kernel("portable/mean_s8", Mean, mean_facts, _mean_s8, general=True),
    Kernel("portable/mean_s16", Mean, mean_facts, _mean_s16),
    Kernel("portable/reduce_sum_s8", ReduceSum, threshold_facts, _thresholds, general=True),
    Kernel("portable/mean_s8", ReduceSum, mean_facts, _mean_s8),
    Kernel("portable/arg_max_8", ArgMax, arg_max_key_facts, _keys_fit),
    Kernel("portable/arg_max", ArgMax, arg_max_facts),
    Kernel("portable/reduce_extreme", ReduceMax, extreme_facts, _nests),
    Kernel("portable/reduce_extreme", ReduceMin, extreme_facts, _nests),
    Kernel("portable/top_k", TopK, top_k_facts, _whole),
)
