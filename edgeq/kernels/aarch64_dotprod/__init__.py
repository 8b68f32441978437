"""The table of 64-bit ARM processors with the dot product instructions."""

from __future__ import annotations

from edgeq.kernels.aarch64_dotprod import depthwise, product
from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = (*product.ROWS, *depthwise.ROWS)
