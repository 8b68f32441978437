"""The portable table: plain C99 for any CPU, the end of every target's chain."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.portable import (
    conversion,
    convolution,
    curves,
    depthwise,
    detection,
    elementwise,
    movement,
    pairwise,
    pooling,
    products,
    qlinear,
    recurrent,
    reduction,
    resize,
    softmax,
    wide,
)

FAMILIES = (
    conversion,
    convolution,
    curves,
    depthwise,
    detection,
    elementwise,
    movement,
    pairwise,
    pooling,
    products,
    qlinear,
    recurrent,
    reduction,
    resize,
    softmax,
    wide,
)

ROWS: tuple[Kernel, ...] = tuple(row for family in FAMILIES for row in family.ROWS)
