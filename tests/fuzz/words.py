"""Numbers at which programs break."""

from __future__ import annotations

import struct
from random import Random

INTEGERS = (
    *(0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536),
    *(2**20, 2**24, 2**28, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1),
    *(2**63, 2**64 - 1, -1, -2, -128, -(2**31)),
)
# Zero, the smallest, ordinary, large ones, infinity, NaN and signs of them.
FLOATS = (0.0, -0.0, 1e-45, 1e-38, 1e-20, 0.5, 1.0, -1.0, 6.0, 1e20, 3e38)
ODD_FLOATS = (float("inf"), float("-inf"), float("nan"))


def interesting(rng: Random, width: int) -> bytes:
    """Return ``width`` bytes that hold such a number, or a small random one."""
    way = rng.random()
    if width == 4 and way < 0.25:
        return struct.pack("<f", rng.choice((*FLOATS, *ODD_FLOATS)))
    value = rng.choice(INTEGERS) if way < 0.75 else rng.randrange(256)
    return (value % (1 << 8 * width)).to_bytes(width, "little")
