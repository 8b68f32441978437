"""NEON rows of convolution and fully connected layers, 32 bit."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts
from edgeq.kernels.neon import widening
from edgeq.kernels.neon.widening import Registers
from edgeq.kernels.product import product_rows
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected

REGISTERS = Registers(pixels=2, many=False, four=16, eight=0)


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    return widening.conv2d_facts(op, io, REGISTERS)


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    return widening.fully_connected_facts(op, io, REGISTERS)


ROWS = product_rows(
    "neon",
    widening.HEADERS,
    conv2d=conv2d_facts,
    fully_connected=fully_connected_facts,
)
