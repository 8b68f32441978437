"""Numbers by name from a FlexBuffer: the options of custom operators.

The format (FlatBuffers' document "FlexBuffers") is read from its end: a root, which here must be a
map. A map is a vector of values, then a byte of type for each; before it are its length, and the
way to a vector of sorted keys. Offsets go back from where they are, so nothing is a cycle. Every
place is compared with the buffer before it is read, and lengths are bounded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from edgeq.errors import ModelError

Number = bool | int | float

# Real options are some 400 bytes and 14 items; a file may have thousands of operators.
MAX_BYTES = 1 << 12
MAX_ITEMS = 32
MAX_KEY = 64

_INT, _UINT, _FLOAT, _MAP, _BOOL = 1, 2, 3, 9, 26
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_FLOATS = {2: "<e", 4: "<f", 8: "<d"}


class _Buffer:
    """Bytes that are read only where there are some."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def bytes(self, at: int, count: int) -> bytes:
        if at < 0 or count < 0 or at + count > len(self.data):
            raise ModelError(f"the options end before {count} bytes at {at}")
        return self.data[at : at + count]

    def unsigned(self, at: int, width: int) -> int:
        return int.from_bytes(self.bytes(at, width), "little")

    def back(self, at: int, width: int) -> int:
        """Follow an offset."""
        return at - self.unsigned(at, width)

    def key(self, at: int) -> str:
        """Return the string that ends in a zero byte."""
        self.bytes(at, 1)
        end = self.data.find(b"\0", at, at + MAX_KEY)
        if end < 0:
            raise ModelError(f"a name in the options has no end within {MAX_KEY} bytes")
        return self.data[at:end].decode("utf-8", "replace")

    def number(self, at: int, width: int, packed: int) -> Number | None:
        """Return a value of the type that a byte tells; ``None`` for all but numbers."""
        kind = packed >> 2
        if kind in _INDIRECT:
            at, width, kind = self.back(at, width), 1 << (packed & 3), _INDIRECT[kind]
        if kind == _FLOAT:
            return self._float(at, width)
        if kind == _BOOL:
            return bool(self.unsigned(at, width))
        if kind in (_INT, _UINT):
            return int.from_bytes(self.bytes(at, width), "little", signed=kind == _INT)
        return None

    def _float(self, at: int, width: int) -> float:
        if width not in _FLOATS:
            raise ModelError(f"a number of {width} bytes in the options is no float")
        (value,) = struct.unpack(_FLOATS[width], self.bytes(at, width))
        if not math.isfinite(value):
            raise ModelError("a number in the options is not finite")
        return float(value)


def numbers(data: bytes | memoryview) -> Mapping[str, Number]:
    """Return the numbers of a map by their names; what else is in it is left out.

    Raise ``ModelError`` for anything that is not a well-formed map within the limits.

    >>> numbers(bytes.fromhex("6100 01 03 01 01 01 07 04 02 24 01"))
    {'a': 7}
    """
    if not 3 <= len(data) <= MAX_BYTES:
        raise ModelError(f"{len(data)} bytes of options, expected 3 to {MAX_BYTES}")
    buffer = _Buffer(bytes(data))
    root_type, root_width = data[-2], data[-1]
    if root_width not in (1, 2, 4, 8) or root_type >> 2 != _MAP:
        raise ModelError("the options are not a map")
    values = buffer.back(len(data) - 2 - root_width, root_width)
    width = 1 << (root_type & 3)
    count = buffer.unsigned(values - width, width)
    if count > MAX_ITEMS:
        raise ModelError(f"{count} options, at most {MAX_ITEMS}")
    types = buffer.bytes(values + count * width, count)
    found = {}
    for index, name in enumerate(_names(buffer, values, width, count)):
        value = buffer.number(values + index * width, width, types[index])
        if value is not None:
            found[name] = value
    return found


def _names(buffer: _Buffer, values: int, width: int, count: int) -> list[str]:
    """Return the keys of a map; they must ascend, as readers search them by halves."""
    keys = buffer.back(values - 3 * width, width)
    key_width = buffer.unsigned(values - 2 * width, width)
    if key_width not in (1, 2, 4, 8) or buffer.unsigned(keys - key_width, key_width) != count:
        raise ModelError("the options have not a name each")
    names = [buffer.key(buffer.back(keys + i * key_width, key_width)) for i in range(count)]
    if sorted(set(names)) != names:
        raise ModelError("the names of the options do not ascend")
    return names
