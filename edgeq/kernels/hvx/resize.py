"""HVX rows of resizing."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR
from edgeq.kernels.portable.resize import resize_bilinear_facts
from edgeq.ops._resize import Taps
from edgeq.ops.resize_bilinear import Interpolation, ResizeBilinear
from edgeq.plan.program import Data, Scratch

# Fraction bits of a sum whose upper byte is the code, and the most of its two kinds of shares.
SHORT_BITS, SHORT_SHARE = 8, 6
LONG_BITS, LONG_SHARE = 24, 14


def _split(numbers: Interpolation) -> tuple[int, int] | None:
    """Return the fraction bits of shares down and across, or ``None`` when sums are too long.

    More bits than the shares need give the same codes: all is multiplied by a power of two, half
    a unit and what takes ties away from zero included.
    """
    rows, columns = numbers.rows.bits, numbers.columns.bits
    for total, most in ((SHORT_BITS, SHORT_SHARE), (LONG_BITS, LONG_SHARE)):
        down = min(most, total - columns)
        if rows <= down and columns <= total - down <= most:
            return down, total - down
    return None


def _inside(taps: Taps) -> bool:
    """Tell whether no share is negative."""
    return bool((taps.weight >= 0).all() and (taps.weight <= 1 << taps.bits).all())


def _taps(name: str, taps: Taps, stride: int, bits: int, what: str) -> tuple[Data, ...]:
    """Return one axis's tables; shares have ``bits``, or more than they need."""
    weight = (taps.weight << (bits - taps.bits)).astype(np.int16)
    return (
        Data(f"{name}_lower", taps.lower * stride, f"first {what} of each output"),
        Data(f"{name}_upper", taps.upper * stride, f"second {what} of each output"),
        Data(f"{name}_weight", weight, f"share of the second {what}"),
    )


def bilinear_facts(op: ResizeBilinear, io: Operands) -> Facts:
    """Return the facts of a bilinear resize: rows are mixed across once, then down."""
    numbers: Interpolation = op.arithmetic
    facts = resize_bilinear_facts(op, io)
    # Layers without such bits are not accepted.
    down, across = _split(numbers) or (0, 0)
    n, in_h, in_w, channels = io.x.shape
    data = (
        *_taps("row", numbers.rows, 1, down, "row"),
        *_taps("column", numbers.columns, channels, across, "pixel"),
    )
    line = io.y.shape[2] * channels
    # Vectors of a last pixel write beyond it.
    room = -(-(line + VECTOR) // VECTOR) * VECTOR
    constants = {
        "LINES": n * io.y.shape[1],
        "IN_H": in_h,
        "OUT_H": io.y.shape[1],
        "OUT_W": io.y.shape[2],
        "CHANNELS": channels,
        "IN_LINE": in_w * channels,
        "OUT_LINE": line,
        "BYTES": io.x.elements,
        "ROOM": room,
        "ROW_UNIT": 1 << down,
        "COLUMN_UNIT": 1 << across,
    }
    short = down + across == SHORT_BITS
    flags = {"bits": 16 if short else 32, "away": facts.flags["away"]}
    lines = Scratch("lines", DType.INT16 if short else DType.INT32, 2 * room)
    return Facts(constants, data, flags, lines, facts.note)


def _bilinear(op: ResizeBilinear, io: Operands) -> bool:
    numbers = op.arithmetic
    if io.x.dtype is not DType.INT8 or numbers.in_float or io.x.elements < VECTOR:
        return False
    inside = _inside(numbers.rows) and _inside(numbers.columns)
    return inside and _split(numbers) is not None


ROWS = (
    Kernel(
        "hvx/resize_bilinear_s8",
        ResizeBilinear,
        bilinear_facts,
        _bilinear,
        headers=(*HEADERS, "edgeq_resize_hvx.h"),
    ),
)
