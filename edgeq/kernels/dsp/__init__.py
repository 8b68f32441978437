"""The table of Cortex-M processors with the DSP extension: two 16-bit products an instruction."""

from __future__ import annotations

from edgeq.kernels.base import Kernel
from edgeq.kernels.dsp import depthwise, elementwise, product, winograd

ROWS: tuple[Kernel, ...] = (*winograd.ROWS, *product.ROWS, *depthwise.ROWS, *elementwise.ROWS)
