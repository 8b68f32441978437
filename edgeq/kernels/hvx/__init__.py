"""The table of Hexagon with HVX: vectors of 128 bytes."""

from __future__ import annotations

from edgeq.kernels.base import Kernel

ROWS: tuple[Kernel, ...] = ()
