"""Read the arrays of an untrusted .npz: no pickles, no more memory than the entries announce."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.types import DType, elements

MAX_ENTRIES = 100_000
MAX_TOTAL_BYTES = 1 << 31
# A compressed file may grow this much when unpacked, beyond the first few megabytes.
MAX_RATIO = 200
FREE_BYTES = 1 << 26
_DTYPES = {dtype.numpy for dtype in DType}


def read_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file, little-endian and contiguous.

    Raise ``ModelError`` when the file is no zip archive, an entry is no plain array, sizes do not
    agree with what the headers say, or the whole would not fit a sane amount of memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_sizes(members, len(data))
            arrays: dict[str, np.ndarray] = {}
            for member in members:
                key = member.filename.removesuffix(".npy")
                if key in arrays or not member.filename.endswith(".npy"):
                    raise ModelError("is repeated, or no .npy", where=_where(member))
                arrays[key] = _array(archive, member)
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise ModelError(f"not a readable .npz archive ({error})") from None
    except (RuntimeError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"malformed .npz archive ({error})") from None


def _where(member: zipfile.ZipInfo) -> str:
    return f"entry '{member.filename}'"


def _check_sizes(members: list[zipfile.ZipInfo], file_bytes: int) -> None:
    if len(members) > MAX_ENTRIES:
        raise ModelError(f"{len(members)} entries, at most {MAX_ENTRIES}")
    total = sum(member.file_size for member in members)
    if total > min(MAX_TOTAL_BYTES, FREE_BYTES + MAX_RATIO * file_bytes):
        raise ModelError(f"unpacks to {total} bytes from {file_bytes}")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        # Reading one byte more than announced tells a lying entry from an honest one.
        raw = stream.read(member.file_size + 1)
    if len(raw) != member.file_size:
        raise ModelError("has another size than announced", where=_where(member))
    shape, fortran, dtype, start = _npy_header(raw, member)
    if fortran or dtype.newbyteorder("=") not in _DTYPES or dtype.hasobject:
        raise ModelError(f"holds {dtype} in an order or type that is not allowed",
                         where=_where(member))
    if any(extent < 0 for extent in shape):
        raise ModelError(f"has shape {shape}", where=_where(member))
    if elements(shape) * dtype.itemsize != len(raw) - start:
        raise ModelError(f"{len(raw) - start} bytes for shape {shape}", where=_where(member))
    array = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _npy_header(
    raw: bytes, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    stream = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(stream)
    except (ValueError, KeyError, SyntaxError, RecursionError, MemoryError):
        raise ModelError("is no array of a known version", where=_where(member)) from None
    return shape, fortran, dtype, stream.tell()
