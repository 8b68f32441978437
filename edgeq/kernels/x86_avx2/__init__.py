"""The table of x86-64 processors with AVX2: 256-bit vectors, no dot product instruction."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.x86_avx2 import depthwise, elementwise, pooling, product

ROWS: tuple[Kernel, ...] = (
    *product.ROWS,
    *depthwise.ROWS,
    *elementwise.ROWS,
    *pooling.ROWS,
)
