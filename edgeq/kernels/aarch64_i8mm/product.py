"""Matrix multiply rows of convolution and fully connected layers."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
