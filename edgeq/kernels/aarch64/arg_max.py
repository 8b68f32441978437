"""ARMv8.0 rows of the index of the largest code."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS
from edgeq.ops.arg_max import ArgMax

VECTOR = 16
MAX_LENGTH = 64  # codes that stay in registers


def arg_max_facts(op: ArgMax, io: Operands) -> Facts:
    """Return the facts of an arg-max over neighbouring codes; the last vector overlaps."""
    length = io.x.shape[op.axis]
    starts = tuple(min(s, length - VECTOR) for s in range(0, length, VECTOR))
    constants = {"ROWS": io.y.elements, "LENGTH": length}
    return Facts(constants, (), {"starts": starts}, None, f"index of the largest of {length}")


def _few_bytes(op: ArgMax, io: Operands) -> bool:
    last = op.axis == len(io.x.shape) - 1
    return (
        last
        and not op.smallest
        and io.x.dtype.bytes == 1
        and VECTOR <= io.x.shape[-1] <= MAX_LENGTH
    )


ROWS = (Kernel("aarch64/arg_max_8", ArgMax, arg_max_facts, _few_bytes, headers=HEADERS),)
