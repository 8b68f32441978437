"""ARMv8.0 rows of depthwise convolution."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.neon.depthwise_3x3 import depthwise_3x3_row

ROWS: tuple[Kernel, ...] = (depthwise_3x3_row("aarch64", 16, walks=False),)
