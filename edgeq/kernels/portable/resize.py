"""Portable rows of resizing."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import s8, s16
from edgeq.ops._resize import Taps
from edgeq.ops.resize_bilinear import Interpolation, ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.plan.program import Data

INT16_LIMIT = 2**15 - 1
SHORT_SHARE_BITS = 14
"""Most fraction bits of shares that fit int16."""
SHORT_SUM_BITS = 7
"""Most fraction bits of sums that fit int16, with what rounds them."""
SHORT_SUM_CHANNELS = 32
"""Fewest channels worth 16-bit sums: fewer end in the remainder of a vector loop."""


def _shape(io: Operands) -> dict[str, int]:
    n, in_h, in_w, channels = io.x.shape
    return {
        "IMAGES": n,
        "IN_H": in_h,
        "IN_W": in_w,
        "CHANNELS": channels,
        "OUT_H": io.y.shape[1],
        "OUT_W": io.y.shape[2],
    }


def _note(io: Operands, what: str) -> str:
    x, y = ("x".join(map(str, tensor.shape[1:3])) for tensor in (io.x, io.y))
    return f"{what} resize, {x} to {y}, {io.x.shape[3]} channels"


def _index(name: str, values: np.ndarray, limit: int, comment: str) -> Data:
    dtype = np.int16 if limit <= INT16_LIMIT else np.int32
    return Data(name, values.astype(dtype), comment)


def repeats(sources: np.ndarray) -> int:
    """Return how often each pixel is repeated if all are alike, else 0.

    >>> repeats(np.array([0, 0, 1, 1])), repeats(np.array([0, 1, 1, 2]))
    (2, 0)
    """
    count = int((sources == 0).sum())
    alike = np.array_equal(sources, np.arange(len(sources)) // max(count, 1))
    return count if count and alike and len(sources) % count == 0 else 0


def _repeats_both(op: ResizeNearest, io: Operands) -> bool:
    sources = op.arithmetic
    return all(
        repeats(index) * extent == len(index)
        for index, extent in zip((sources.rows, sources.columns), io.x.shape[1:3], strict=True)
    )


def resize_repeat_facts(op: ResizeNearest, io: Operands) -> Facts:
    """Return the facts of a resize that repeats every pixel equally often."""
    sources = op.arithmetic
    constants = {
        "LINES": io.x.shape[0] * io.x.shape[1],
        "IN_W": io.x.shape[2],
        "CHANNELS": io.x.shape[3],
        "OUT_LINE": io.y.shape[2] * io.y.shape[3],
        "REPEAT_H": repeats(sources.rows),
        "REPEAT_W": repeats(sources.columns),
    }
    return Facts(constants, note=_note(io, "nearest"))


def resize_nearest_facts(op: ResizeNearest, io: Operands) -> Facts:
    """Return the facts of a nearest resize by tables of indices."""
    sources = op.arithmetic
    _, in_h, in_w, channels = io.x.shape
    data = (
        _index("rows", sources.rows, in_h, "input row of each output row"),
        _index("columns", sources.columns * channels, in_w * channels, "start of each pixel"),
    )
    return Facts(_shape(io), data, note=_note(io, "nearest"))


def _taps(name: str, taps: Taps, stride: int, extent: int) -> tuple[Data, ...]:
    """Return one axis's tables; indices are in elements, ``stride`` apart."""
    limit = stride * extent
    weight = taps.weight
    if weight.dtype.kind == "i" and taps.bits < 16:
        weight = weight.astype(np.int16)
    return (
        _index(f"{name}_lower", taps.lower * stride, limit, f"first {name} of each output"),
        _index(f"{name}_upper", taps.upper * stride, limit, f"second {name} of each output"),
        Data(f"{name}_weight", weight, f"share of the second {name}"),
    )


def _both_taps(numbers: Interpolation, io: Operands) -> tuple[Data, ...]:
    _, in_h, in_w, channels = io.x.shape
    return (
        *_taps("row", numbers.rows, 1, in_h),
        *_taps("column", numbers.columns, channels, in_w),
    )


def _integers_s8(op: ResizeBilinear, io: Operands) -> bool:
    return s8(op, io) and not op.arithmetic.in_float


def resize_bilinear_facts(op: ResizeBilinear, io: Operands) -> Facts:
    """Return the facts of a bilinear resize with integer weights.

    Shares are at most ``2**bits``, and their sums with codes at most ``128 * 2**bits``: short
    ones make twice the vector lanes. Sums are rounded as ``(sum + half - (sum < 0)) >> bits``,
    away from zero, or without the last term up.
    """
    numbers: Interpolation = op.arithmetic
    bits = numbers.rows.bits + numbers.columns.bits
    constants = {
        **_shape(io),
        "ROW_UNIT": 1 << numbers.rows.bits,
        "COLUMN_UNIT": 1 << numbers.columns.bits,
        "BITS": bits,
        "HALF": (1 << bits) >> 1,
    }
    wide = io.x.dtype is DType.INT16
    short = not wide and bits <= SHORT_SUM_BITS and io.x.shape[3] >= SHORT_SUM_CHANNELS
    flags = {
        "away": bits > 0 and not numbers.round_half_up,
        "share": "int16_t" if bits <= SHORT_SHARE_BITS else "int32_t",
        "sum": "int64_t" if wide else "int16_t" if short else "int32_t",
        "sign_bit": 63 if wide else 15 if short else 31,
    }
    return Facts(constants, _both_taps(numbers, io), flags, None, _note(io, "bilinear"))


def resize_bilinear_f32_facts(op: ResizeBilinear, io: Operands) -> Facts:
    """Return the facts of a bilinear resize whose bits are those of float32 steps."""
    numbers: Interpolation = op.arithmetic
    note = _note(io, "bilinear") + ", in float32"
    flags = {"weights_first": numbers.weights_first}
    return Facts(_shape(io), _both_taps(numbers, io), flags, note=note)


ROWS = (
    Kernel("portable/resize_repeat", ResizeNearest, resize_repeat_facts, _repeats_both),
    Kernel("portable/resize_nearest", ResizeNearest, resize_nearest_facts),
    Kernel("portable/resize_bilinear_s8", ResizeBilinear, resize_bilinear_facts, _integers_s8),
    Kernel("portable/resize_bilinear_s16", ResizeBilinear, resize_bilinear_facts, s16),
    Kernel(
        "portable/resize_bilinear_f32_s8",
        ResizeBilinear,
        resize_bilinear_f32_facts,
        s8,
        general=True,
    ),
)
