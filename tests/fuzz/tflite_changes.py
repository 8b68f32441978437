"""Changes to the numbers that hold a flatbuffer together, and to those it is made for."""

from __future__ import annotations

import contextlib
import struct
from functools import lru_cache
from random import Random

from edgeq.errors import ModelError
from edgeq.frontends.flatbuffer import _Walk
from edgeq.frontends.schema.layout import SCALAR_BYTES, TABLES
from tests.fuzz.words import interesting

Place = tuple[int, int]
# The kinds of places, and how often each is changed: what a file means more than how it is held.
WEIGHTS = {"scalar": 6, "element": 6, "offset": 2, "length": 2, "vtable": 2}


class _Places(_Walk):
    """Visit a file as the check of its structure does, and note where each number lies."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.found: dict[str, dict[str, list[Place]]] = {kind: {} for kind in WEIGHTS}

    def note(self, kind: str, group: str, *places: Place) -> None:
        """Note places; those of a group are as many chances for a change as those of another."""
        self.found[kind].setdefault(group, []).extend(places)

    def table(self, kind: str, at: int, where: str) -> None:
        if (kind, at) not in self.seen:
            offsets, _ = self.vtable(at, len(TABLES[kind]), where)
            for offset, slot in zip(offsets, TABLES[kind], strict=False):
                if offset and slot is not None and slot[1] == "scalar":
                    self.note("scalar", kind, (at + offset, SCALAR_BYTES[slot[2]]))
            vtable = at - struct.unpack_from("<i", self.data, at)[0]
            entries = ((vtable + 2 * i, 2) for i in range(len(offsets) + 2))
            self.note("vtable", kind, (at, 4), *entries)
        super().table(kind, at, where)

    def follow(self, at: int, where: str) -> int:
        self.note("offset", "", (at, 4))
        return super().follow(at, where)

    def vector(self, at: int, width: int, thing: str) -> tuple[int, int]:
        start, length = super().vector(at, width, thing)
        name = thing.rpartition(".")[2]
        self.note("length", name, (at, 4))
        # A few elements of weights do; of shapes and the like, all.
        elements = [(start + width * index, width) for index in range(min(length, 16))]
        if elements:
            self.note("element", name, *elements)
        return start, length


@lru_cache(maxsize=256)
def places(data: bytes) -> dict[str, dict[str, list[Place]]]:
    """Return the places of a sound file by kind and group, without kinds that it lacks."""
    walk = _Places(data)
    # Of a file that is damaged already, those up to the damage.
    with contextlib.suppress(ModelError, struct.error):
        walk.table("Model", walk.follow(0, "model"), "model")
    return {kind: found for kind, found in walk.found.items() if found}


def changed(data: bytes, rng: Random) -> bytes:
    """Return the file with one to four of its numbers changed."""
    known = places(data)
    kinds = [kind for kind in known for _ in range(WEIGHTS[kind])]
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4)) if kinds else 0):
        kind = rng.choice(kinds)
        group = known[kind][rng.choice(list(known[kind]))]
        at, width = rng.choice(group)
        found[at : at + width] = _value(found, kind, group, (at, width), rng)
    return bytes(found)


def _value(data: bytearray, kind: str, known: list[Place], place: Place, rng: Random) -> bytes:
    at, width = place
    old = int.from_bytes(data[at : at + width], "little")
    other_at, other_width = rng.choice(known)
    other = int.from_bytes(data[other_at : other_at + other_width], "little")
    way = rng.random()
    if way < 0.4:
        return interesting(rng, width)
    if way < 0.6:
        new = old + rng.choice((-4, -2, -1, 1, 2, 4))
    elif kind == "offset":
        # What another offset leads to.
        new = other_at + other - at
    else:
        new = other
    return (new % (1 << 8 * width)).to_bytes(width, "little")
