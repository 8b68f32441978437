"""The numbers in FlexBuffers: those of another writer are read, and no bytes do harm."""

from __future__ import annotations

import math
import random

import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.frontends.tflite.flexbuffer import MAX_BYTES, MAX_ITEMS, MAX_KEY, numbers

NAMES = st.text(st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=8)
# The other writer takes no number that rounds beyond float32.
REALS = st.floats(-(2.0**127), 2.0**127)
NUMBERS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | REALS
OTHERS = st.text(max_size=3) | st.none() | st.lists(st.integers(0, 9), max_size=2)


def _data(value: object) -> bytes:
    return bytes(flexbuffers.Dumps(value))


@given(st.dictionaries(NAMES, NUMBERS, max_size=12))
def test_numbers_are_read_as_they_were_written(values: dict[str, bool | float]) -> None:
    found = numbers(_data(values))
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in values.items()
    }


@given(st.dictionaries(NAMES, NUMBERS | OTHERS, max_size=6))
def test_what_is_no_number_is_left_out(values: dict[str, object]) -> None:
    kept = {name: v for name, v in values.items() if isinstance(v, (bool, int, float))}
    assert numbers(_data(values)) == kept


def test_indirect_numbers() -> None:
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Key("a")
        builder.IndirectInt(-(2**40))
        builder.Key("b")
        builder.IndirectFloat(0.1)
        builder.Key("c")
        builder.IndirectUInt(7)
    assert numbers(bytes(builder.Finish())) == {"a": -(2**40), "b": 0.1, "c": 7}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes of options"),
        (b"\0" * (MAX_BYTES + 1), "bytes of options, expected 3 to"),
        (_data([1, 2]), "are not a map"),
        (_data(1), "are not a map"),
        (_data({str(i): i for i in range(MAX_ITEMS + 1)}), f"at most {MAX_ITEMS}"),
        (_data({"a": math.inf}), "not finite"),
        (_data({"a" * (MAX_KEY + 1): 1}), "has no end within"),
        (_data({"a": 1, "b": 2}).replace(b"a\0", b"c\0"), "do not ascend"),
        (_data({"a": 1, "b": 2}).replace(b"a\0", b"b\0"), "do not ascend"),
        (_data({"a": 1})[-7:], "the options end before"),
    ],
)
def test_refusals(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        numbers(data)


@given(st.binary(max_size=60))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    try:
        found = numbers(data)
    except ModelError:
        return
    assert all(isinstance(value, (bool, int, float)) for value in found.values())


def test_no_change_of_a_file_raises_another_error() -> None:
    draw = random.Random(4)
    whole = _data({"max_detections": 40, "y_scale": 10.0, "use_regular_nms": False, "_x": "text"})
    refused = 0
    for _ in range(4000):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            numbers(bytes(data))
        except ModelError:
            refused += 1
    assert 500 < refused < 3500
