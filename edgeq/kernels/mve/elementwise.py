"""Helium rows of elementwise operations and pooling."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
