"""Check the structure of a .tflite file before any accessor reads it.

A flatbuffer is a web of offsets, and the accessors follow them blindly. Here every table that can
be reached from the root is visited once, and everything it says about places in the file is
compared with the file. What the values mean (indices, shapes, enum members) is not looked at.
"""

from __future__ import annotations

import struct

from edgeq.errors import ModelError
from edgeq.frontends.schema.layout import SCALAR_BYTES, TABLES, UNIONS

IDENTIFIER = b"TFL3"

# References to tables, the limit that LiteRT sets too: no converter's output comes near it.
MAX_VISITS = 1_000_000

# Fields that point behind the flatbuffer, from the start of the file: offset and size.
_OUTSIDE = {
    "Buffer": ("offset", "size"),
    "Operator": ("large_custom_options_offset", "large_custom_options_size"),
}
_OUTSIDE_IDS = {
    table: tuple(TABLES[table].index((name, "scalar", "ulong")) for name in names)
    for table, names in _OUTSIDE.items()
}

# Inside a table, everything but a scalar is a 32-bit offset to the thing itself.
_OFFSET_BYTES = 4

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")


def verify_flatbuffer(data: bytes) -> None:
    """Check that every offset, length and string of a .tflite file stays inside its bytes.

    Afterwards the accessors of ``tflite_generated`` cannot read outside ``data``, as long as
    vector elements are asked for below the vector's length and the value of a union is only
    taken for a code that ``UNIONS`` knows. Strings end in a zero byte, but may not be UTF-8.
    Regions behind the flatbuffer (``Buffer.offset`` and ``size``) are checked too; those in other
    files (``ExternalBuffer``) cannot be.

    The time is bounded: tables are visited once however many offsets lead there, a vector of
    scalars is one comparison, and more than ``MAX_VISITS`` references are refused. The depth is
    that of the schema, in which no table contains its own kind.

    Raises:
        ModelError: The file is no .tflite, is cut off, or contradicts itself.

    >>> verify_flatbuffer(b"not a model")
    Traceback (most recent call last):
    edgeq.errors.ModelError: not a .tflite file: bytes 4 to 8 are b'a mo' instead of b'TFL3'
    """
    if len(data) < 8:
        raise ModelError(f"not a .tflite file: it has {len(data)} bytes, its header takes 8")
    if data[4:8] != IDENTIFIER:
        found = bytes(data[4:8])
        raise ModelError(
            f"not a .tflite file: bytes 4 to 8 are {found!r} instead of {IDENTIFIER!r}"
        )
    walk = _Walk(data)
    walk.table("Model", walk.follow(0, "model"), "model")


class _Walk:
    """Visit the tables of one file; ``where`` is always the path from the root."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.seen: set[tuple[str, int]] = set()
        self.visits = 0

    def table(self, kind: str, at: int, where: str) -> None:
        """Check the table of type ``kind`` at byte ``at``, and all below it."""
        self.visits += 1
        if self.visits > MAX_VISITS:
            raise ModelError(f"more than {MAX_VISITS} references to tables, the last '{where}'")
        if (kind, at) in self.seen:
            return
        self.seen.add((kind, at))
        offsets, inline = self.vtable(at, len(TABLES[kind]), where)
        for index, offset in enumerate(offsets):
            slot = TABLES[kind][index]
            # An id without a field is one that nothing reads any more.
            if not offset or slot is None:
                continue
            name, what, type_ = slot
            path = f"{where}.{name}"
            width = SCALAR_BYTES[type_] if what == "scalar" else _OFFSET_BYTES
            if offset < 4 or offset + width > inline:
                raise ModelError(
                    f"field '{path}' lies at {offset} of a table of {inline} bytes at {at}"
                )
            self.aligned(at + offset, width, f"field '{path}'")
            if what == "union":
                code = self.data[at + offsets[index - 1]] if offsets[index - 1] else 0
                # Codes of newer schemas are not ours to read, so there is nothing to check.
                known = UNIONS[type_]
                what, type_ = "table", known[code] if code < len(known) else ""
            if type_:
                self.field(what, type_, at + offset, path)
        if kind in _OUTSIDE:
            self.outside(kind, at, offsets, where)

    def vtable(self, at: int, fields: int, where: str) -> tuple[tuple[int, ...], int]:
        """Return the offsets of the first ``fields`` fields and the bytes the table itself has."""
        self.inside(at, 4, 4, f"table '{where}'")
        vtable = at - self.read(_I32, at)
        self.inside(vtable, 4, 2, f"the field list of table '{where}'")
        size, inline = self.read(_U16, vtable), self.read(_U16, vtable + 2)
        if size < 4 or size % 2:
            raise ModelError(f"the field list of table '{where}' has an impossible size, {size}")
        self.inside(vtable, size, 2, f"the field list of table '{where}'")
        if inline < 4:
            raise ModelError(f"table '{where}' has an impossible size, {inline}")
        self.inside(at, inline, 4, f"table '{where}'")
        count = min((size - 4) // 2, fields)
        return struct.unpack_from(f"<{count}H", self.data, vtable + 4), inline

    def field(self, what: str, type_: str, at: int, where: str) -> None:
        """Check what the field at byte ``at`` of the file refers to."""
        if what == "table":
            self.table(type_, self.follow(at, where), where)
        elif what == "tables":
            self.tables(type_, self.follow(at, where), where)
        elif what == "vector":
            self.vector(self.follow(at, where), SCALAR_BYTES[type_], f"vector '{where}'")
        elif what == "string":
            start, length = self.vector(self.follow(at, where), 1, f"string '{where}'")
            self.inside(start, length + 1, 1, f"string '{where}' with its final zero")
            if self.data[start + length]:
                raise ModelError(f"string '{where}' does not end in a zero byte")

    def tables(self, kind: str, at: int, where: str) -> None:
        """Check a vector of tables and each table in it."""
        start, length = self.vector(at, _OFFSET_BYTES, f"vector '{where}'")
        for index in range(length):
            path = f"{where}[{index}]"
            self.table(kind, self.follow(start + _OFFSET_BYTES * index, path), path)

    def vector(self, at: int, width: int, thing: str) -> tuple[int, int]:
        """Check a vector's place; return the byte of its first element and its length."""
        self.inside(at, 4, 4, thing)
        length = self.read(_U32, at)
        # Elements of 8 bytes belong on a multiple of 8, but files in the field break that rule,
        # LiteRT runs them, and the accessors do not mind.
        self.inside(at + 4, length * width, 1, thing)
        return at + 4, length

    def follow(self, at: int, where: str) -> int:
        """Return the place that the offset at byte ``at`` leads to; the caller checks it."""
        offset = self.read(_U32, at)
        # An offset counts from itself, and so can only lead back to itself when it is zero.
        if not offset:
            raise ModelError(f"the offset of '{where}' at {at} is zero")
        return at + offset

    def outside(self, kind: str, at: int, offsets: tuple[int, ...], where: str) -> None:
        """Check the region behind the flatbuffer that a table may name."""
        begin, size = (
            self.read(_U64, at + offsets[index]) if index < len(offsets) and offsets[index] else 0
            for index in _OUTSIDE_IDS[kind]
        )
        if size and begin + size > self.size:
            raise ModelError(
                f"the data of '{where}' ends at {begin + size}, file has {self.size} bytes"
            )

    def inside(self, at: int, size: int, alignment: int, thing: str) -> None:
        """Check that ``size`` bytes from ``at`` are part of the file."""
        if at < 0:
            raise ModelError(f"{thing} begins at {at}, before the file")
        if at + size > self.size:
            raise ModelError(f"{thing} ends at {at + size}, file has {self.size} bytes")
        self.aligned(at, alignment, thing)

    def aligned(self, at: int, alignment: int, thing: str) -> None:
        """Check that a place is a multiple of what its type is aligned to."""
        if at % alignment:
            raise ModelError(f"{thing} begins at {at}, which is not a multiple of {alignment}")

    def read(self, number: struct.Struct, at: int) -> int:
        """Return the number at byte ``at``, already known to be inside the file."""
        value: int = number.unpack_from(self.data, at)[0]
        return value
