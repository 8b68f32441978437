"""The table of x86-64 processors with AVX-512 VNNI: 512-bit vectors, dot products of bytes."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.x86_vnni import depthwise, product

ROWS: tuple[Kernel, ...] = (*product.ROWS, *depthwise.ROWS)
