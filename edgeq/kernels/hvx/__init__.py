"""The table of Hexagon with HVX: vectors of 128 bytes, products of bytes with registers."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.hvx import depthwise, elementwise, pooling, product, quads

ROWS: tuple[Kernel, ...] = (
    *product.ROWS,
    *quads.ROWS,
    *depthwise.ROWS,
    *elementwise.ROWS,
    *pooling.ROWS,
)
