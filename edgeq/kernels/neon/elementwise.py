"""NEON rows of elementwise operations, 32 and 64 bit."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
