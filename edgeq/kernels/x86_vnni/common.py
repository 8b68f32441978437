"""What the VNNI rows share: lanes, and the sums of codes that the instruction takes as unsigned."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops._accumulate import bias_of

HEADERS = ("edgeq_fixed_point_avx512.h",)
LANES = 16  # 32-bit numbers in a vector
QUAD = 4  # products that one lane sums
RAISED = 128  # added to codes of activations: the instruction takes unsigned ones


def raised_bias(io: Operands, weight_sums: np.ndarray, length: int) -> np.ndarray:
    """Return the bias less what raised codes of zero points add, with zeros up to ``length``.

    It wraps, as the sums do that it becomes part of: the whole of each fits int32.
    """
    folded = bias_of(io).astype(np.int64) - (io.x.zero_point + RAISED) * weight_sums
    return np.pad(folded, (0, length - len(folded))).astype(np.uint32).view(np.int32)
