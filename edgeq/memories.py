"""The memories of a processor as a user names them: ``sram=256K,dtcm=64K``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from edgeq.emit.names import c_identifier
from edgeq.errors import EdgeqError
from edgeq.plan.regions import Memory

Memories = str | Mapping[str, int]

_EXAMPLE = "name=size, the preferred one first, as in dtcm=64K,sram=256K"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}
_SIZE = re.compile(r"(\d+)\s*([KM]?)(?:i?B)?", re.IGNORECASE)
# What the generated header has for something else: macros, fields of the context, parameters,
# types; and what GNU compilers define on some machines.
_TAKEN = re.compile(
    r"flash|stack|code|weights|(input|output|state)\d*|parallel_for|pool|ctx|memory|bytes|linux|unix"
    r"|\w*_(bytes|t)"
)


def size(text: str) -> int:
    """Return bytes from a number that may end in K or M; raise ``EdgeqError`` for anything else.

    >>> size("64K"), size("1M"), size("1000")
    (65536, 1048576, 1000)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise EdgeqError(f"'{text}' is not a size", hint="bytes, or 64K, or 1M")
    return int(match[1]) * _UNITS[match[2].upper()]


def memories(given: Memories | None) -> tuple[Memory, ...]:
    """Return the memories in the order of preference; none for ``None``: one arena of any size.

    ``given`` has names and bytes, or is text as on the command line. Names become lower-case.
    Raise ``EdgeqError`` for text of another form, a name that C cannot use or that stands twice,
    and a memory without bytes.

    >>> memories("DTCM=1K, sram=2048")
    (Memory(name='dtcm', bytes=1024), Memory(name='sram', bytes=2048))
    """
    if given is None:
        return ()
    pairs = _pairs(given) if isinstance(given, str) else given.items()
    found = tuple(_memory(name, count) for name, count in pairs)
    names = [memory.name for memory in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise EdgeqError(f"memory '{twice[0]}' stands twice", where="arena", hint=_EXAMPLE)
    if not found:
        raise EdgeqError("it names no memory", where="arena", hint=_EXAMPLE)
    return found


def _pairs(text: str) -> Iterable[tuple[str, int]]:
    for item in text.split(","):
        name, equals, count = item.partition("=")
        if not equals:
            raise EdgeqError(f"'{item.strip()}' is not name=size", where="arena", hint=_EXAMPLE)
        try:
            yield name.strip(), size(count)
        except EdgeqError as error:
            raise error.at("arena") from None


def _memory(name: str, count: int) -> Memory:
    plain = name.lower()
    if c_identifier(plain) != plain or _TAKEN.fullmatch(plain):
        raise EdgeqError(
            f"'{name}' cannot name a memory in C", where="arena", hint=f"{_EXAMPLE}; another name"
        )
    if count < 1:
        raise EdgeqError(f"memory '{plain}' has {count} bytes", where="arena", hint=_EXAMPLE)
    return Memory(plain, count)
