"""ARMv8.0 rows of convolution and fully connected layers."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon import widening
from edgeq.kernels.neon.widening import Registers
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected

HEADERS = (*widening.HEADERS, "edgeq_products_aarch64.h")
REGISTERS = Registers(pixels=4, many=True, four=24, eight=16)


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    return widening.conv2d_facts(op, io, REGISTERS)


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    return widening.fully_connected_facts(op, io, REGISTERS)


def _ungrouped(op: Conv2D, io: Operands) -> bool:
    return io.x.dtype is DType.INT8 and op.groups(io) == 1


def _s8(op: FullyConnected, io: Operands) -> bool:
    return io.x.dtype is DType.INT8


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "aarch64/conv2d_s8",
        Conv2D,
        conv2d_facts,
        _ungrouped,
        packed=(1, 2),
        headers=HEADERS,
    ),
    Kernel(
        "aarch64/fully_connected_s8",
        FullyConnected,
        fully_connected_facts,
        _s8,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
