"""Portable rows of pooling."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import channel_block, s8, s16
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.qlinear_average_pool2d import QLinearAveragePool2D

SHORT_TAPS = 256
"""Most codes whose sum always fits int16."""
LONG_TAPS = 4096
"""Most codes whose mean is a product by 32 bits of a reciprocal."""
RECIPROCAL_BITS = 24
UNROLLED_TAPS = 9
"""Most pixels of a window that are compared in one expression."""


Pool = AveragePool2D | MaxPool2D | QLinearAveragePool2D


def window_constants(op: Pool, io: Operands) -> dict[str, int]:
    """Return image, window, stride, and the padding before the image where there is some."""
    return {**_window(op, io), **_borders(op)}


def _window(op: Pool, io: Operands) -> dict[str, int]:
    n, in_h, in_w, channels = io.x.shape
    return {
        "IMAGES": n,
        "IN_H": in_h,
        "IN_W": in_w,
        "CHANNELS": channels,
        "OUT_H": io.y.shape[1],
        "OUT_W": io.y.shape[2],
        "WINDOW_H": op.window[0],
        "WINDOW_W": op.window[1],
        "STRIDE_H": op.stride[0],
        "STRIDE_W": op.stride[1],
    }


def _borders(op: Pool) -> dict[str, int]:
    return {"PAD_TOP": op.padding.top, "PAD_LEFT": op.padding.left} if op.padding.any else {}


def _note(op: AveragePool2D | MaxPool2D, io: Operands, what: str) -> str:
    size = "x".join(map(str, io.x.shape[1:]))
    return f"{op.window[0]}x{op.window[1]} {what} pool, stride {op.stride[0]}, {size}"


def average_pool2d_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool.

    The rounded quotient is ``floor((sum + count/2 + 128 count) / count) - 128``, where rounding
    away from zero takes 1 from negative sums if the count is even. What is divided is below
    256 count; times ``2**24 / count + 1``, shifted down by 24, it gives the exact quotient while
    ``256 count**2 <= 2**24``: count <= 256. Then the product stays below 2^32 too. In the same way
    32 bits in place of 24 are enough for counts up to 4096. Other counts are divided by, and powers
    of two, for which compilers shift.
    """
    taps = op.window[0] * op.window[1]
    padded, short = op.padding.any, taps <= SHORT_TAPS
    shifts = taps & (taps - 1) == 0
    factor = (24 if short else 32) if not shifts and taps <= LONG_TAPS else 0
    count = {} if padded else {"COUNT": taps, "OFFSET": 128 * taps + taps // 2}
    constants = {
        **window_constants(op, io),
        "BLOCK": channel_block(io.x.shape[3]),
        **count,
        **({"RECIPROCAL_BITS": RECIPROCAL_BITS} if short and (padded or factor) else {}),
        "LOW": op.arithmetic.low,
        "HIGH": op.arithmetic.high,
    }
    flags = {
        "padded": padded,
        "short": short,
        "factor": 0 if padded else factor,
        "away": not op.round_half_up and (padded or taps % 2 == 0),
    }
    return Facts(constants, flags=flags, note=_note(op, io, "average"))


def average_pool2d_s16_facts(op: AveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool of int16, which divides by the count."""
    clamp = {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    constants = {**window_constants(op, io), **clamp}
    flags = {"padded": op.padding.any}
    return Facts(constants, flags=flags, note=_note(op, io, "average"))


def max_pool2d_facts(op: MaxPool2D, io: Operands) -> Facts:
    """Return the facts of a maximum pool; small windows are one expression."""
    rows, columns = op.window
    unrolled = rows * columns <= UNROLLED_TAPS
    window = _window(op, io)
    if unrolled:
        del window["WINDOW_H"], window["WINDOW_W"]
    bottom, top = io.y.dtype.min, io.y.dtype.max
    low, high = op.arithmetic.low, op.arithmetic.high
    constants = {
        **window,
        **_borders(op),
        **({"LOW": low} if low > bottom or not unrolled else {}),
        **({"HIGH": high} if high < top else {}),
    }
    flags = {
        "padded": op.padding.any,
        "rows": range(rows) if unrolled else (),
        "columns": range(columns) if unrolled else (),
        "clamps_low": low > bottom,
        "clamps_high": high < top,
        "copies": op.window == (1, 1) and low <= bottom and high >= top,
    }
    return Facts(constants, flags=flags, note=_note(op, io, "maximum"))


ROWS = (
    Kernel("portable/average_pool2d_s8", AveragePool2D, average_pool2d_facts, s8),
    Kernel("portable/average_pool2d_s16", AveragePool2D, average_pool2d_s16_facts, s16),
    Kernel("portable/max_pool2d_s8", MaxPool2D, max_pool2d_facts, s8),
    Kernel("portable/max_pool2d_s16", MaxPool2D, max_pool2d_facts, s16),
)
