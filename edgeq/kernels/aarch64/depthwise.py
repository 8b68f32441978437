"""ARMv8.0 rows of depthwise convolution."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.depthwise import DEPTHWISE_HEADERS
from edgeq.kernels.neon.depthwise_3x3 import depthwise_3x3_facts, is_depthwise_3x3
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D

LANES = 16


def _facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    return depthwise_3x3_facts(op, io, LANES)


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        _facts,
        is_depthwise_3x3,
        packed=(1, 2),
        headers=DEPTHWISE_HEADERS,
    ),
)
