"""The table of Cortex-M processors with the DSP extension: two 16-bit products an instruction."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.dsp import (
    depthwise,
    elementwise,
    fully_connected,
    pooling,
    product,
    recurrent,
    windows,
    winograd,
)

ROWS: tuple[Kernel, ...] = (
    *winograd.ROWS,
    *product.ROWS,
    *depthwise.ROWS,
    *windows.ROWS,
    *fully_connected.ROWS,
    *recurrent.ROWS,
    *elementwise.ROWS,
    *pooling.ROWS,
)
