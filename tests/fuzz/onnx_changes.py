"""Changes to an .onnx file, as messages with fields and as the tags and lengths that hold them."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf.message import DecodeError

from tests.frontends.onnx.test_mutants import fields_damaged
from tests.fuzz.words import INTEGERS, interesting

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
# Fields hold a number, bytes of a fixed width, or bytes of a length: a message, text or numbers.
Field = list[Any]  # tag, payload
Message = list[Field]
DEEP = 300


def changed(data: bytes, rng: Random) -> bytes:
    """Return the file with a field changed, as a message or as bytes."""
    if rng.random() < 0.6:
        try:
            return fields_damaged(data, rng)
        except (DecodeError, ValueError):
            # Damaged already, or with a name that is no text.
            return data
    message = parsed(data)
    if not message:
        return data
    for _ in range(rng.choice((1, 1, 2))):
        _change(_somewhere(message, rng), rng)
    return written(message)


def parsed(data: bytes) -> Message | None:
    """Return the fields of a message, ``None`` where the bytes are none."""
    found: Message = []
    at = 0
    try:
        while at < len(data):
            tag, at = _number(data, at)
            payload: Any
            kind = tag & 7
            if kind == VARINT:
                payload, at = _number(data, at)
            else:
                size, at = (FIXED[kind], at) if kind in FIXED else _number(data, at)
                payload, at = data[at : at + size], at + size
                if kind not in (*FIXED, DELIMITED) or at > len(data):
                    return None
            found.append([tag, payload])
    except IndexError:
        return None
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def written(message: Message) -> bytes:
    """Return the bytes of a message; lengths follow from what is there."""
    parts = []
    for tag, payload in message:
        raw = written(payload) if isinstance(payload, list) else payload
        parts.append(_varint(tag))
        if isinstance(raw, int):
            parts.append(_varint(raw))
        else:
            parts += [raw] if tag & 7 in FIXED else [_varint(len(raw)), raw]
    return b"".join(parts)


def _somewhere(message: Message, rng: Random) -> Message:
    """Return a message at or below ``message``, whose bytes become fields on the way."""
    while rng.random() < 0.85:
        below = [field for field in message if isinstance(field[1], (bytes, list)) and field[1]]
        if not below:
            return message
        field = rng.choice(below)
        inner = field[1] if isinstance(field[1], list) else parsed(field[1])
        if not inner:
            return message
        field[1] = message = inner
    return message


def _change(message: Message, rng: Random) -> None:
    index = rng.randrange(len(message))
    tag, payload = message[index]
    way = rng.randrange(7)
    if way == 0:
        message[index][0] = tag & 7 | rng.randrange(1, 64) << 3
    elif way == 1:
        message[index][0] = tag & ~7 | rng.randrange(8)
    elif way == 2:
        message.insert(index, [tag, payload])
    elif way == 3 and len(message) > 1:
        del message[index]
    elif way == 4:
        # The message in itself, again and again.
        raw = written(message)[:200]
        for _ in range(rng.choice((1, 3, DEEP))):
            raw = _varint(tag & ~7 | DELIMITED) + _varint(len(raw)) + raw
        message.append([tag & ~7 | DELIMITED, raw])
    else:
        message[index][1] = _payload(payload, rng)


def _payload(payload: Any, rng: Random) -> Any:
    if isinstance(payload, int):
        return rng.choice(INTEGERS) % 2**64
    if isinstance(payload, list) or not payload:
        return interesting(rng, rng.choice((1, 2, 4, 8)))
    if rng.random() < 0.3:
        return rng.choice((b"", payload[:-1], payload + payload, payload + b"\xff" * 12))
    width = min(rng.choice((1, 2, 4, 8)), len(payload))
    at = rng.randrange(len(payload) - width + 1)
    return payload[:at] + interesting(rng, width) + payload[at + width :]
