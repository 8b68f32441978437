"""HVX row of softmax over long rows."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.hvx.elementwise import shuffled
from edgeq.kernels.portable.softmax import softmax_facts
from edgeq.numerics import shift_right_away_s32
from edgeq.ops.softmax import Softmax

SUM_BYTES = 3  # of an exponential in Q12.19, at most 2^19


def long_facts(op: Softmax, io: Operands) -> Facts:
    """Return the facts of a softmax by tables: exponentials, and bytes of what is summed."""
    facts = softmax_facts(op, io)
    exps = op.arithmetic.exponentials().astype(np.int32)
    summed = shift_right_away_s32(exps, 12).astype("<u4").view(np.uint8).reshape(-1, 4)
    tables = np.concatenate([shuffled(summed[:, i].copy()) for i in range(SUM_BYTES)])
    data = (
        aligned("exps", exps, "e^-d of code differences d, Q0.31"),
        aligned("sums", tables, "the same in Q12.19, a table for each byte"),
    )
    constants = {name: facts.constants[name] for name in ("ROWS", "LENGTH", "SHIFT")}
    return Facts(constants, data, {"far": facts.flags["far"]}, None, facts.note)


def _long(op: Softmax, io: Operands) -> bool:
    bytes_only = io.x.dtype is DType.INT8 and io.y.dtype is DType.INT8
    return bytes_only and io.x.shape[-1] >= VECTOR


ROWS = (
    Kernel(
        "hvx/softmax_s8",
        Softmax,
        long_facts,
        _long,
        headers=(*HEADERS, "edgeq_lookup_hvx.h", "edgeq_softmax_hvx.h"),
    ),
)
