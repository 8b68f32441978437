"""One damaged file from a seed and a number: the same two give the same bytes, on any machine."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz import npz_changes, onnx_changes, tflite_changes
from tests.fuzz.seeds import seeds
from tests.fuzz.words import interesting

Change = Callable[[bytearray, Random, Sequence[bytes]], None]

STRUCTURED: dict[str, Callable[[bytes, Random], bytes]] = {
    ".npz": npz_changes.changed,
    ".onnx": onnx_changes.changed,
    ".tflite": tflite_changes.changed,
}
MOST_CHANGES = (1, 1, 1, 2, 3, 8)


def damaged(suffix: str, seed: int, number: int, real: bool = False) -> bytes:
    """Return damaged file ``number`` of a format."""
    rng = Random(f"{seed} {suffix} {number}")
    return changed(rng.choice(seeds(suffix, real)), suffix, rng, real)


def changed(data: bytes, suffix: str, rng: Random, real: bool = False) -> bytes:
    """Return a file with some changes that know its format, or do not, or both."""
    way = rng.random()
    if way < 0.7:
        data = STRUCTURED[suffix](data, rng)
    if way > 0.6:
        data = bytes_changed(data, rng, seeds(suffix, real))
    return data


def bytes_changed(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Return the file after changes that could be made to any."""
    found = bytearray(data)
    for _ in range(rng.choice(MOST_CHANGES)):
        if found:
            rng.choice(CHANGES)(found, rng, others)
    return bytes(found)


def _span(data: bytearray, rng: Random) -> tuple[int, int]:
    begin = rng.randrange(len(data))
    return begin, min(len(data), begin + rng.choice((1, 2, 4, 8, 16, 64, 256)))


def _flip(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def _word(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    width = rng.choice((1, 2, 4, 4, 8))
    if width <= len(data):
        # Numbers mostly lie at multiples of their size.
        at = rng.randrange(len(data) - width + 1)
        at = at - at % width if rng.random() < 0.8 else at
        data[at : at + width] = interesting(rng, width)


def _truncate(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    begin, end = _span(data, rng)
    del data[begin:end]


def _repeat(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    begin, end = _span(data, rng)
    data[end:end] = data[begin:end] * rng.choice((1, 1, 2, 16))


def _move(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    begin, end = _span(data, rng)
    at = rng.randrange(len(data))
    data[at : at + end - begin] = data[begin:end]


def _splice(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    at, other_at = rng.randrange(len(data)), rng.randrange(len(other))
    if rng.random() < 0.5:
        data[at:] = other[other_at:]
    else:
        size = rng.choice((4, 16, 64, 256))
        data[at : at + size] = other[other_at : other_at + size]


def _add(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    if len(data) >= 4:
        at = rng.randrange(len(data) - 3) & ~3
        (value,) = struct.unpack_from("<I", data, at)
        struct.pack_into("<I", data, at, (value + rng.randint(-16, 16)) % 2**32)


CHANGES: tuple[Change, ...] = (
    *(_flip, _flip, _set, _set, _word, _word, _add, _add),
    *(_truncate, _delete, _repeat, _move, _splice),
)
