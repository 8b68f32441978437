"""A machine without an operating system: what an emulator of it needs to know."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[int, int]  # first address, bytes


@dataclass(frozen=True, slots=True)
class Board:
    """Memory of a board: vector table, code, data and stack, and a large one.

    ``large`` holds the constants, inputs, outputs and arena of a network. ``machine`` is the
    emulator's name of the board; ``stack`` are bytes that must stay free of data.
    """

    machine: str
    code: Range
    data: Range
    large: Range
    vectors: int = 0
    stack: int = 1 << 15


_MB = 1 << 20
_CODE = (0x400, 4 * _MB - 0x400)
_DATA = (0x2000_0000, 4 * _MB)

# The boards of ARM's FPGA images, as QEMU has them: memory enough for most networks.
MPS2_AN385 = Board("mps2-an385", _CODE, _DATA, (0x2100_0000, 16 * _MB))  # Cortex-M3
MPS2_AN386 = Board("mps2-an386", _CODE, _DATA, (0x2100_0000, 16 * _MB))  # Cortex-M4
MPS2_AN500 = Board("mps2-an500", _CODE, _DATA, (0x6000_0000, 16 * _MB))  # Cortex-M7
MPS2_AN505 = Board(  # Cortex-M33
    "mps2-an505",
    (0x1000_0400, 4 * _MB - 0x400),
    (0x3800_0000, 4 * _MB),
    (0x8000_0000, 16 * _MB),
    vectors=0x1000_0000,
)
MPS3_AN547 = Board(  # Cortex-M55
    "mps3-an547", (0x6000_0000, 16 * _MB), (0x2100_0000, 4 * _MB), (0x6100_0000, 64 * _MB)
)
