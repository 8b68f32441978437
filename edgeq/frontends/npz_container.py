"""The arrays of an untrusted .npz: no pickles, no more memory than the file's size justifies."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.types import DType, Shape, elements
from edgeq.ir.verify import MAX_RANK

MAX_ENTRIES = 65_535
MAX_TOTAL_BYTES = 1 << 31
# A compressed file may grow this much when unpacked, beyond the first few megabytes.
MAX_RATIO = 200
FREE_BYTES = 1 << 26
# Of the list of entries: the zip module makes an object of each before anything can be checked.
MAX_DIRECTORY_BYTES = 1 << 24

_END_BYTES = 22
_MAX_COMMENT = (1 << 16) - 1
_LOCAL_BYTES = 30
_ENCRYPTED = 0x1

_HEADER = re.compile(
    rb"\{\s*'descr'\s*:\s*'([<>|=][a-z]\d{1,3})'\s*,"
    rb"\s*'fortran_order'\s*:\s*(True|False)\s*,"
    rb"\s*'shape'\s*:\s*\(((?:\s*\d{1,19}\s*,)*\s*(?:\d{1,19})?\s*)\)\s*,?\s*\}\s*"
)
_DTYPES = {
    f"{order}{dtype.numpy.str[1:]}": dtype.numpy.newbyteorder(order if order in "<>" else "=")
    for dtype in DType
    for order in ("<", ">", "=", "|")
    if order in "<>" or dtype.bytes == 1
}


def read_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file by entry name, in this machine's byte order.

    Raise ``ModelError`` when the file is no zip archive, an entry is no plain array, sizes do not
    agree with what the headers say, or the whole would not fit a sane amount of memory.
    """
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, len(data))
            return {_key(member): _array(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ModelError(f"not a readable .npz archive ({error})") from None
    except (RuntimeError, ValueError, OverflowError) as error:
        # What the zip module raises for methods, flags, names and dates that make no sense.
        raise ModelError(f"malformed .npz archive ({error})") from None


def _check_directory(data: bytes) -> None:
    """Raise unless the file ends like a zip archive whose list of entries is not too long."""
    at = data.rfind(b"PK\5\6", max(0, len(data) - _END_BYTES - _MAX_COMMENT))
    if at < 0 or at + _END_BYTES > len(data):
        raise ModelError("not a .npz archive: it is no zip file, or cut off")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    if size > MAX_DIRECTORY_BYTES:
        raise ModelError(f"a list of entries of {size} bytes, at most {MAX_DIRECTORY_BYTES}")
    if data[max(at - 20, 0) : at].startswith(b"PK\6\7"):
        raise ModelError("a zip64 archive: that large, it is no network for edgeq")


def _where(member: zipfile.ZipInfo) -> str:
    return f"entry {member.filename!r}"


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _check_members(members: list[zipfile.ZipInfo], file_bytes: int) -> None:
    """Raise for entries that cannot be arrays, before any is unpacked."""
    if len(members) > MAX_ENTRIES:
        raise ModelError(f"{len(members)} entries, at most {MAX_ENTRIES}")
    seen: set[str] = set()
    for member in members:
        if not member.filename.endswith(".npy") or member.filename in seen:
            raise ModelError("is repeated, or no .npy", where=_where(member))
        seen.add(member.filename)
        if member.flag_bits & _ENCRYPTED:
            raise ModelError("is encrypted", where=_where(member))
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelError(
                f"is packed by method {member.compress_type}, expected stored or deflated",
                where=_where(member),
            )
    total = sum(member.file_size for member in members)
    if total > min(MAX_TOTAL_BYTES, FREE_BYTES + MAX_RATIO * file_bytes):
        raise ModelError(f"unpacks to {total} bytes from {file_bytes}")
    _check_places(members, file_bytes)


def _check_places(members: list[zipfile.ZipInfo], file_bytes: int) -> None:
    """Raise for entries that lie over others or outside the file."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        begin, end = end, member.header_offset + _LOCAL_BYTES + member.compress_size
        if member.header_offset < begin or end > file_bytes:
            raise ModelError("lies over another entry, or outside the file", where=_where(member))


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        # Reading one byte more than announced makes the module compare the checksum.
        raw = stream.read(member.file_size + 1)
    if len(raw) != member.file_size:
        raise ModelError("has another size than announced", where=_where(member))
    try:
        shape, dtype, start = _npy_header(raw)
        if elements(shape) * dtype.itemsize != len(raw) - start:
            raise ModelError(f"has {len(raw) - start} bytes for {dtype.name} {shape}")
        array = np.frombuffer(raw, dtype, offset=start).reshape(shape)
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise ModelError("holds a bool that is neither 0 nor 1")
    except ModelError as error:
        raise error.at(_where(member)) from None
    array = array.astype(dtype.newbyteorder("="), copy=False)
    return np.require(array, requirements="A")


def _npy_header(raw: bytes) -> tuple[Shape, np.dtype, int]:
    """Return shape, element type and start of the data of a .npy file."""
    width = {b"\x93NUMPY\1\0": 2, b"\x93NUMPY\2\0": 4}.get(raw[:8])
    if width is None:
        raise ModelError("is no .npy array of version 1.0 or 2.0")
    start = 8 + width + int.from_bytes(raw[8 : 8 + width], "little")
    # Numpy pads with spaces; nothing that is read is longer than this.
    found = _HEADER.fullmatch(raw[8 + width : min(start, 4096)])
    if found is None or start > len(raw):
        raise ModelError("has a malformed .npy header, or one of a type that is not allowed")
    descr, fortran, extents = (group.decode() for group in found.groups())
    if descr not in _DTYPES:
        raise ModelError(f"has the type '{descr}', which is not allowed")
    shape = tuple(int(extent) for extent in extents.replace(",", " ").split())
    if len(shape) > MAX_RANK:
        raise ModelError(f"has {len(shape)} dimensions, at most {MAX_RANK}")
    if fortran == "True" and len(shape) > 1:
        raise ModelError("is in Fortran order; save numpy.ascontiguousarray of it")
    return shape, _DTYPES[descr], start
