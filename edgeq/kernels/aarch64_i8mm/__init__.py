"""The table of 64-bit ARM processors with the int8 matrix multiply instructions."""

from __future__ import annotations

from edgeq.kernels.aarch64_i8mm import product
from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = (*product.ROWS,)
