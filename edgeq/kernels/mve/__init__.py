"""The table of Cortex-M processors with Helium: 128-bit vectors."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.mve import depthwise, elementwise, product, windows

ROWS: tuple[Kernel, ...] = (*product.ROWS, *depthwise.ROWS, *windows.ROWS, *elementwise.ROWS)
