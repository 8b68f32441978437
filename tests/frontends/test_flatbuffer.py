from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.frontends import flatbuffer
from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from tests.frontends.broken_files import (
    BUILT,
    field_at,
    graph_and_operator,
    patched,
    refusal,
    target_at,
)
from tests.frontends.tflite_builder import write_table
from tests.frontends.tflite_reader import read_model


def test_real_models_are_accepted(shared: Path) -> None:
    models = sorted((shared / "models").rglob("*.tflite"))
    assert len(models) > 40
    for path in models:
        verify_flatbuffer(path.read_bytes())


def test_a_built_model_is_accepted() -> None:
    verify_flatbuffer(BUILT)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    for length in range(len(BUILT)):
        refusal(BUILT[:length])


def test_real_models_cut_off_are_refused(shared: Path) -> None:
    cut = random.Random(4)
    for name in ("tflm_hello_world_int8", "mww_v2_alexa", "tflm_keyword_scrambled"):
        data = (shared / "models" / f"{name}.tflite").read_bytes()
        for length in cut.sample(range(len(data)), 200):
            refusal(data[:length])


def check_changed(data: bytes) -> None:
    """Check that changed bytes are either refused, or harmless to every accessor."""
    try:
        verify_flatbuffer(data)
    except ModelError:
        return
    read_model(data)


@given(st.lists(st.tuples(st.integers(0, len(BUILT) - 1), st.integers(0, 255)), min_size=1))
def test_changed_bytes_are_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    data = bytearray(BUILT)
    for at, value in changes:
        data[at] = value
    check_changed(bytes(data))


@pytest.mark.parametrize("value", [0, 1, 4, 0x7F, 0x80, 0xFF])
def test_any_single_byte_may_be_anything(value: int) -> None:
    for at in range(len(BUILT)):
        check_changed(patched(BUILT, at, "B", value))


@given(st.binary(max_size=200))
def test_noise_behind_the_header_is_refused_or_harmless(noise: bytes) -> None:
    check_changed(struct.pack("<I", 8) + b"TFL3" + noise)


def test_options_of_a_newer_schema_are_left_alone() -> None:
    _, operator = graph_and_operator()
    code = field_at(operator, "Operator", "builtin_options_type")
    value = field_at(operator, "Operator", "builtin_options")
    unknown = patched(BUILT, value, "<I", 0xFFFFFF00)
    refusal(unknown)
    verify_flatbuffer(patched(unknown, code, "B", 255))


def test_data_behind_the_flatbuffer_must_be_in_the_file() -> None:
    def model(offset: int, size: int) -> bytes:
        return write_table("Model", {"buffers": [{}, {"offset": offset, "size": size}]})

    end = len(model(1, 1))
    verify_flatbuffer(model(1, 1))
    verify_flatbuffer(model(end, 8) + bytes(8))
    message = f"the data of 'model.buffers[1]' ends at {end + 8}, file has {end + 7} bytes"
    assert refusal(model(end, 8) + bytes(7)) == message
    assert f"ends at {(1 << 65) - 2}, file" in refusal(model((1 << 64) - 1, (1 << 64) - 1))


def test_large_custom_options_must_be_in_the_file() -> None:
    operator = {"large_custom_options_offset": 8, "large_custom_options_size": 1 << 40}
    data = write_table("Model", {"subgraphs": [{"operators": [operator]}]})
    assert "the data of 'model.subgraphs[0].operators[0]' ends at" in refusal(data)


def many_paths(references: int) -> bytes:
    """Return a file of one subgraph and one operator, each referred to many times."""
    graph = {"operators": [{"inputs": [1]}] * references}
    data = write_table("Model", {"subgraphs": [graph, *[{}] * (references - 1)]})
    model = schema.Model.GetRootAs(data)
    for table, kind, name in (
        (model, "Model", "subgraphs"),
        (model.Subgraphs(0), "SubGraph", "operators"),
    ):
        first = target_at(data, field_at(table, kind, name)) + 4
        target = target_at(data, first)
        places = [target - (first + 4 * index) for index in range(references)]
        data = patched(data, first, f"<{references}I", *places)
    return data


def test_many_paths_to_one_table_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # 500 * 500 paths lead to the operator, 1 + 500 + 500 references to all tables together.
    data = many_paths(500)
    monkeypatch.setattr(flatbuffer, "MAX_VISITS", 1001)
    verify_flatbuffer(data)
    monkeypatch.setattr(flatbuffer, "MAX_VISITS", 1000)
    assert refusal(data) == ("more than 1000 references to tables, the last 'model.subgraphs[499]'")
