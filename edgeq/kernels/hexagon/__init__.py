"""The table of Hexagon without vectors: products of eight bytes."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.hexagon import product

ROWS: tuple[Kernel, ...] = product.ROWS
