"""ARMv8.0 rows of depthwise convolution."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
