"""ARMv8.0 rows of convolution and fully connected layers."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts
from edgeq.kernels.neon import widening
from edgeq.kernels.neon.widening import Registers
from edgeq.kernels.product import product_rows
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


ROWS = product_rows(
    "aarch64",
    HEADERS,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
