"""HVX row of arg-max over few neighbouring codes."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.portable.reduction import arg_max_key_facts
from edgeq.ops.arg_max import ArgMax

SLOT = 32  # bytes that a row has in a vector
ROWS_AT_ONCE = 64


def spread(length: int) -> np.ndarray:
    """Return the control of ``vdelta`` that moves neighbouring rows to multiples of ``SLOT``.

    Byte k of the result comes from row k // 32, where that has a byte. Steps exchange bytes 64, 32,
    ... 1 apart; going back from the last one, byte k was at a place that has the lower bits of its
    source and the upper ones of k. No two bytes of the result ask for different bits there.

    >>> set(spread(32).tolist()), int(spread(31)[32])
    ({0}, 1)
    """
    controls = np.zeros(VECTOR, np.uint8)
    for k in range(VECTOR):
        row, place = divmod(k, SLOT)
        source = row * length + place
        at = k
        for distance in (1, 2, 4, 8, 16, 32, 64):
            if place < length and (at ^ source) & distance:
                controls[at] |= distance
                at ^= distance
    return controls


def arg_max_facts(op: ArgMax, io: Operands) -> Facts:
    """Return the facts of an arg-max of 64 rows at a time."""
    facts = arg_max_key_facts(op, io)
    length = io.x.shape[op.axis]
    data = aligned("spread", spread(length), "how four rows move to multiples of 32")
    return Facts({"ROWS": io.y.elements, "LENGTH": length}, (data,), note=facts.note)


def _fits(op: ArgMax, io: Operands) -> bool:
    last = elements(io.x.shape[op.axis + 1 :]) == 1
    length = io.x.shape[op.axis]
    rows = io.y.elements >= ROWS_AT_ONCE and not op.smallest
    return io.x.dtype is DType.INT8 and last and 2 <= length <= SLOT and rows


ROWS = (
    Kernel(
        "hvx/arg_max_s8",
        ArgMax,
        arg_max_facts,
        _fits,
        headers=(*HEADERS, "edgeq_arg_max_hvx.h"),
        fixed=("LENGTH",),
    ),
)
