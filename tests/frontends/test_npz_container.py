from __future__ import annotations

import contextlib
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.frontends import npz_container
from edgeq.frontends.npz_container import read_arrays


def npy(array: object, version: tuple[int, int] = (1, 0)) -> bytes:
    """Return an array as the bytes of a .npy file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=version)
    return stream.getvalue()


def archive(
    entries: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, comment: bytes = b""
) -> bytes:
    """Return a zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, data in entries:
            target.writestr(zipfile.ZipInfo(name), data, method)
        target.comment = comment
    return stream.getvalue()


def one(data: bytes) -> bytes:
    return archive([("a.npy", data)])


def refusal(data: bytes) -> str:
    with pytest.raises(ModelError) as error:
        read_arrays(data)
    return str(error.value)


def with_header(header: bytes, data: bytes = b"", magic: bytes = b"\x93NUMPY\1\0") -> bytes:
    return one(magic + struct.pack("<H", len(header)) + header + data)


GOOD = np.arange(6, dtype=np.int32).reshape(2, 3)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "f4"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_arrays_of_every_type_and_order_are_read(dtype: str, version: tuple[int, int]) -> None:
    array = (GOOD % 2).astype(dtype)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        found = read_arrays(archive([("a.npy", npy(array, version))], method, b"note"))["a"]
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype.newbyteorder("=")
        assert found.flags.aligned and found.flags.c_contiguous


@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (1, 1, 1)])
def test_shapes_are_read(shape: tuple[int, ...]) -> None:
    assert read_arrays(one(npy(np.ones(shape, np.int8))))["a"].shape == shape


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([{}], object), "malformed .npy header"),
        (np.array(["text"]), "malformed .npy header"),
        (np.zeros(2, np.float64), "type '<f8'"),
        (np.zeros(2, np.complex64), "type '<c8'"),
        (np.zeros(2, [("a", "i4")]), "malformed .npy header"),
        (np.asfortranarray(GOOD), "Fortran order"),
        (np.zeros((1,) * 9, np.int8), "9 dimensions"),
        (np.array([2], np.uint8).view(bool), "bool that is neither"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str) -> None:
    assert message in refusal(one(npy(array)))


HEADER = b"{'descr': '<i4', 'fortran_order': False, 'shape': (%s), }"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{" * 2000,
        b"__import__('os')",
        HEADER % b"-1,",
        HEADER % b"1.0,",
        HEADER % (b"9" * 30 + b","),
        HEADER % b"18446744073709551616,",
        HEADER % b"4294967296, 4294967296,",
        HEADER % (b"2," + b"\n" * 5000),
        HEADER.replace(b"<i4", b"|O") % b"1,",
        HEADER.replace(b"False", b"None") % b"1,",
    ],
)
def test_malformed_array_headers_are_refused(header: bytes) -> None:
    refusal(with_header(header, bytes(8)))


def test_damaged_arrays_are_refused() -> None:
    good = npy(GOOD)
    for length in range(len(good)):
        refusal(one(good[:length]))
    refusal(one(good + b"\0"))
    refusal(with_header(HEADER % b"2,", bytes(8), b"\x93NUMPY\3\0"))
    refusal(one(b"\x93NUMPY\1\0\xff\xff{"))


def test_files_cut_off_anywhere_are_refused() -> None:
    data = archive([("a.npy", npy(GOOD)), ("b.npy", npy(GOOD))])
    for length in range(len(data)):
        refusal(data[:length])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_flipped_bits_are_refused_or_harmless(method: int) -> None:
    data = archive([("a.npy", npy(GOOD)), ("b.npy", npy(GOOD))], method)
    rng = random.Random(5)
    for bit in rng.sample(range(8 * len(data)), 700):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            arrays = read_arrays(bytes(changed))
        except ModelError:
            continue
        # The checksum covers the data: only names, dates and the like may differ.
        assert all(np.array_equal(array, GOOD) for array in arrays.values())


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", bytes(100), b"PK\3\4" * 20])
def test_other_files_are_refused(data: bytes) -> None:
    refusal(data)


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_container, "FREE_BYTES", 1 << 16)
    bomb = archive([("a.npy", npy(np.zeros(1 << 20, np.int8)))], zipfile.ZIP_DEFLATED)
    assert "unpacks to" in refusal(bomb)
    monkeypatch.setattr(npz_container, "MAX_ENTRIES", 3)
    assert "4 entries" in refusal(archive((f"{i}.npy", npy(GOOD)) for i in range(4)))


def directory_field(data: bytes, offset: int, layout: str, value: int) -> bytes:
    """Return ``data`` with a field of the first entry in the list of entries overwritten."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(b"PK\1\2") + offset, value)
    return bytes(changed)


def test_sizes_that_lie_are_refused() -> None:
    raw = npy(GOOD)
    data = archive([("a.npy", raw)], zipfile.ZIP_DEFLATED)
    for size in (0, len(raw) - 1, len(raw) + 1, 1 << 20):
        refusal(directory_field(data, 24, "<I", size))
    for size in (0, 3, 1 << 20):
        refusal(directory_field(data, 20, "<I", size))
    assert "unpacks to" in refusal(directory_field(data, 24, "<I", 0xFFFFFFFE))


def test_a_stream_longer_than_announced_is_not_unpacked_whole() -> None:
    raw = npy(np.zeros(8, np.int8))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = packer.compress(raw + bytes(1 << 20)) + packer.flush()
    data = archive([("a.npy", stream)])
    for offset, layout, value in ((10, "<H", 8), (16, "<I", zlib.crc32(raw)), (24, "<I", len(raw))):
        data = directory_field(data, offset, layout, value)
    changed = bytearray(data)
    struct.pack_into("<H", changed, 8, 8)
    with contextlib.suppress(ModelError):
        assert read_arrays(bytes(changed))["a"].size == 8


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (8, "<H", 1, "encrypted"),
        (8, "<H", 0x20, "malformed"),
        (10, "<H", 12, "method 12"),
        (10, "<H", 14, "method 14"),
        (10, "<H", 99, "method 99"),
        (6, "<H", 99, "malformed"),
        (42, "<I", 0x7FFFFFFF, "outside the file"),
    ],
)
def test_odd_entries_are_refused(offset: int, layout: str, value: int, message: str) -> None:
    assert message in refusal(directory_field(one(npy(GOOD)), offset, layout, value))


def test_repeated_foreign_and_overlapping_entries_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive([("a.npy", npy(GOOD)), ("a.npy", npy(GOOD))])
    assert "'a.npy': is repeated" in refusal(twice)
    assert "'a.txt': is repeated, or no .npy" in refusal(archive([("a.txt", b"")]))
    two = archive([("a.npy", npy(GOOD)), ("b.npy", npy(GOOD))])
    second = two.rindex(b"PK\1\2")
    changed = bytearray(two)
    struct.pack_into("<I", changed, second + 42, 0)
    assert "entry" in refusal(bytes(changed)) or "archive" in refusal(bytes(changed))


def test_a_zip_inside_a_zip_is_no_array() -> None:
    refusal(archive([("a.npy", one(npy(GOOD)))]))


def test_a_list_of_entries_that_is_too_long_is_refused_unread() -> None:
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, 1 << 30, 0, 0)
    assert "list of entries" in refusal(end)
    locator = b"PK\6\7" + bytes(16)
    assert "zip64" in refusal(locator + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 46, 0, 0))
