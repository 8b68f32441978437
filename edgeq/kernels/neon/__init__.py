"""The table of NEON that 32- and 64-bit ARM processors share."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.neon import (
    depthwise,
    depthwise_3x3,
    elementwise,
    pooling,
    product,
    resize,
    single,
)

ROWS: tuple[Kernel, ...] = (
    *product.ROWS,
    *depthwise_3x3.ROWS,
    *single.ROWS,
    *depthwise.ROWS,
    *elementwise.ROWS,
    *pooling.ROWS,
    *resize.ROWS,
)
