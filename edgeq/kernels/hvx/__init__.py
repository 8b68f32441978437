"""The table of Hexagon with HVX: vectors of 128 bytes, products of bytes with registers."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.hvx import (
    arg_max,
    broadcast,
    depthwise,
    elementwise,
    movement,
    pooling,
    product,
    quads,
    quantize,
    resize,
    softmax,
)

ROWS: tuple[Kernel, ...] = (
    *product.ROWS,
    *quads.ROWS,
    *depthwise.ROWS,
    *elementwise.ROWS,
    *broadcast.ROWS,
    *pooling.ROWS,
    *resize.ROWS,
    *movement.ROWS,
    *arg_max.ROWS,
    *quantize.ROWS,
    *softmax.ROWS,
)
