"""NEON rows of convolution and fully connected layers, 32 bit."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
