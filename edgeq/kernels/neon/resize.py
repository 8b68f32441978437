"""NEON rows of resizing, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS
from edgeq.kernels.portable.resize import resize_bilinear_facts
from edgeq.ops._resize import Taps
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.plan.program import Scratch

CHANNELS = 8  # computed together: the last ones overlap those before
MAX_UNROLLED = 64  # channels whose vectors are written out one by one


def bilinear_facts(op: ResizeBilinear, io: Operands) -> Facts:
    """Return the facts of a bilinear resize: two rows become a line, whose pixels are mixed."""
    facts = resize_bilinear_facts(op, io)
    _, _, in_w, channels = io.x.shape
    starts = tuple(min(c, channels - CHANNELS) for c in range(0, channels, CHANNELS))
    return replace(
        facts,
        flags={
            "away": facts.flags["away"],
            "starts": starts if channels <= MAX_UNROLLED else (),
        },
        scratch=Scratch("line", DType.INT16, in_w * channels),
    )


def _shares(taps: Taps) -> tuple[int, int, int]:
    """Return the least and the largest share, and the largest sum of two shares' magnitudes."""
    upper = taps.weight.astype(np.int64)
    both = np.stack([(1 << taps.bits) - upper, upper])
    return int(both.min()), int(both.max()), int(np.abs(both).sum(axis=0).max())


def _is_short(op: ResizeBilinear, io: Operands) -> bool:
    numbers = op.arithmetic
    if io.x.dtype is not DType.INT8 or numbers.in_float or io.x.shape[3] < CHANNELS:
        return False
    bits = numbers.rows.bits + numbers.columns.bits
    (least, most, rows), (left, _, columns) = _shares(numbers.rows), _shares(numbers.columns)
    # Shares without a sign leave -128 the only code that can reach -2^15.
    largest = (128 if min(least, left) < 0 else 127) * rows * columns + (1 << bits >> 1)
    lowest = 128 * rows * columns + (0 if numbers.round_half_up else 1)
    fits = least >= -128 and most <= 127 and largest < 1 << 15 and lowest <= 1 << 15
    return 0 < bits <= CHANNELS and fits


ROWS = (
    Kernel(
        "neon/resize_bilinear_s8",
        ResizeBilinear,
        bilinear_facts,
        _is_short,
        headers=HEADERS,
        fixed=("BITS",),
    ),
)
