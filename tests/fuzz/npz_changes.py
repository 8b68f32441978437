"""Changes to the three layers of an .npz: the zip archive, the .npy headers, the description."""

from __future__ import annotations

import copy
import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any

from tests.fuzz.words import INTEGERS, interesting

Entries = list[tuple[str, bytes]]

# The fields of a zip archive's records after their signature: where they begin and their bytes.
ZIP_FIELDS = {
    b"PK\3\4": ((4, 2), (6, 2), (8, 2), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\1\2": (
        *((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2)),
        *((32, 2), (34, 2), (36, 2), (38, 4), (42, 4)),
    ),
    b"PK\5\6": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
}
DESCRS = ("|i1", "|u1", "<i2", ">i4", "<i8", "<f4", ">f4", "<f2", "<c8", "|b1", "|O", "|V4", "<U3")
DEEP = 3000
REALS = (0.5, -0.0, 1e-45, 1e-40, 1e-13, 1e12, 1e38, 1e308)
TEXTS = ("", "*/\n\0", "\ud800", "int8", "uint8", "int32", "float32", "bool", "relu", "constant0")
NUMBERS = (*INTEGERS, 10**400)
LIKE: dict[type, tuple[Any, ...]] = {
    int: NUMBERS,
    float: REALS,
    str: TEXTS,
    bool: (True, False),
    type(None): (None, 0, 1, -1),
}
ANYTHING: tuple[Any, ...] = (
    *NUMBERS,
    *REALS,
    *TEXTS,
    None,
    True,
    [],
    {},
    [[]],
    [2**31 - 1] * 4,
    {"a": 1},
)


@lru_cache(maxsize=256)
def entries(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return the entries of an archive, none where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return tuple((name, archive.read(name)) for name in archive.namelist())
    except Exception:  # The zip module raises whatever it stumbles over.
        return ()


def changed(data: bytes, rng: Random) -> bytes:
    """Return the archive with a change in one of its layers."""
    found = list(entries(data))
    if not found or rng.random() < 0.15:
        return _fields_changed(data, rng)
    rng.choice(LAYERS)(found, rng)
    return _archive(found, rng)


def _archive(found: Entries, rng: Random) -> bytes:
    buffer = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if rng.random() < 0.1 else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", how) as archive:
        # Of names that are there twice, which is what readers are to refuse.
        warnings.simplefilter("ignore")
        for name, raw in found:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), raw, how)
    return buffer.getvalue()


def _fields_changed(data: bytes, rng: Random) -> bytes:
    found = bytearray(data)
    places = [
        (match.start() + at, width)
        for signature, fields in ZIP_FIELDS.items()
        for match in re.finditer(re.escape(signature), data)
        for at, width in fields
    ]
    for _ in range(rng.choice((1, 1, 2)) if places else 0):
        at, width = rng.choice(places)
        found[at : at + width] = interesting(rng, width)
    return bytes(found)


def _array_changed(found: Entries, rng: Random) -> None:
    index = rng.randrange(len(found))
    name, raw = found[index]
    size = 10 + int.from_bytes(raw[8:10], "little")
    head, rest = raw[:size], raw[size:]
    way = rng.randrange(5)
    if way == 0:
        head = re.sub(rb"'[<>|=]\w+'", repr(rng.choice(DESCRS)).encode(), head)
    elif way == 1:
        extents = ", ".join(str(rng.choice(INTEGERS)) for _ in range(rng.choice((0, 1, 2, 4, 9))))
        head = re.sub(rb"\([^)]*\)", f"({extents})".encode(), head)
    elif way == 2:
        head = head.replace(b"False", rng.choice((b"True", b"None")))
    elif way == 3:
        at = rng.randrange(len(head) + 1)
        head = head[:at] + bytes([rng.randrange(256)]) + head[at + 1 :]
    else:
        rest = rng.choice((rest[:-1], rest + b"\0", b"", bytes(len(rest)), b"\xff" * len(rest)))
    found[index] = (name, head + rest)


def _entries_changed(found: Entries, rng: Random) -> None:
    index = rng.randrange(len(found))
    name, raw = found[index]
    way = rng.randrange(5)
    if way == 0:
        del found[index]
    elif way == 1:
        found[index] = (rng.choice(("", "x", "../x.npy", "\ue000.npy", name + ".npy")), raw)
    elif way == 2:
        found.append((rng.choice((name, "more.npy")), raw))
    elif way == 3:
        found[index] = (name, rng.choice(found)[1])
    else:
        # What unpacks to much more than it takes.
        found[index] = (name, raw + bytes(rng.choice((1 << 10, 1 << 20))))


def _description(found: Entries, edit: Callable[[bytes], bytes]) -> None:
    for index, (name, raw) in enumerate(found):
        if name == "graph.npy":
            size = 10 + int.from_bytes(raw[8:10], "little")
            text = edit(raw[size:])
            head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(text)},), }}\n"
            raw = b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head.encode() + text
            found[index] = (name, raw)


def _values_changed(found: Entries, rng: Random) -> None:
    _description(found, lambda text: _altered(text, rng))


def _text_changed(found: Entries, rng: Random) -> None:
    def edit(text: bytes) -> bytes:
        at = rng.randrange(len(text) + 1)
        put = rng.choice((b"[", b"{", b'"', b",", b"1e999", b"NaN", b"9" * 5000, b"[" * DEEP, b""))
        return text[:at] + put + text[at + rng.randrange(3) :]

    _description(found, edit)


LAYERS: tuple[Callable[[Entries, Random], None], ...] = (
    *(_values_changed, _values_changed, _values_changed),
    *(_text_changed, _array_changed, _entries_changed),
)


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> tuple[Any, tuple[tuple[Any, ...], ...]]:
    header = json.loads(text)
    return header, tuple(_places(header))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a JSON text, objects and lists included."""
    if path:
        yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*path, key))


def _altered(text: bytes, rng: Random) -> bytes:
    try:
        header, paths = _parsed(text)
        header = copy.deepcopy(header)
    except (ValueError, RecursionError):
        # Damaged already.
        return text
    for _ in range(rng.choice((1, 1, 1, 2, 4)) if paths else 0):
        try:
            _alter(header, rng.choice(paths), rng.choice(paths), rng)
        except (KeyError, IndexError, TypeError):
            # An earlier change took away what this one was for.
            continue
    return json.dumps(header).encode()


def _alter(header: Any, path: tuple[Any, ...], other: tuple[Any, ...], rng: Random) -> None:
    *way, last = path
    place = header
    for key in way:
        place = place[key]
    choice = rng.random()
    if choice < 0.1:
        del place[last]
    elif choice < 0.3:
        value = header
        for key in other:
            value = value[key]
        place[last] = copy.deepcopy(value)
    elif choice < 0.9:
        place[last] = rng.choice(LIKE.get(type(place[last]), ANYTHING))
    else:
        place[last] = rng.choice(ANYTHING)
