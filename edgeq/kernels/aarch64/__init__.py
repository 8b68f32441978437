"""The table of 64-bit ARM processors, ARMv8.0: 32 vector registers."""

from __future__ import annotations

from edgeq.kernels.aarch64 import depthwise, product
from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = (*product.ROWS, *depthwise.ROWS)
