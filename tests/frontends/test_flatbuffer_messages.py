from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgeq.errors import ModelError
from edgeq.frontends.flatbuffer import verify_flatbuffer
from tests.frontends.broken_files import (
    BUILT,
    entry_at,
    field_at,
    graph_and_operator,
    patched,
    refusal,
    target_at,
)


def test_the_files_that_have_no_header_are_refused() -> None:
    assert refusal(b"") == "not a .tflite file: it has 0 bytes, its header takes 8"
    assert "bytes 4 to 8 are b'ONNX' instead of b'TFL3'" in refusal(
        patched(BUILT, 4, "4s", b"ONNX")
    )


@pytest.mark.parametrize("length", [1 << 16, (1 << 31) - 1, (1 << 32) - 1])
@pytest.mark.parametrize(
    ("kind", "name", "width", "thing"),
    [
        ("SubGraph", "operators", 4, "vector 'model.subgraphs[0].operators'"),
        ("SubGraph", "outputs", 4, "vector 'model.subgraphs[0].outputs'"),
        ("SubGraph", "name", 1, "string 'model.subgraphs[0].name'"),
        ("Operator", "inputs", 4, "vector 'model.subgraphs[0].operators[0].inputs'"),
    ],
)
def test_absurd_lengths_are_named(
    kind: str, name: str, width: int, thing: str, length: int
) -> None:
    table = dict(zip(("SubGraph", "Operator"), graph_and_operator(), strict=True))[kind]
    at = target_at(BUILT, field_at(table, kind, name))
    end = at + 4 + width * length
    message = refusal(patched(BUILT, at, "<I", length))
    assert message == f"{thing} ends at {end}, file has {len(BUILT)} bytes"


def broken_root(data: bytes, graph: Any) -> bytes:
    return patched(data, 0, "<I", 0xFFFFFFFC)


def zero_offset(data: bytes, graph: Any) -> bytes:
    return patched(data, field_at(graph, "SubGraph", "operators"), "<I", 0)


def shifted_table(data: bytes, graph: Any) -> bytes:
    at = field_at(graph.Tensors(0), "Tensor", "quantization")
    return patched(data, at, "<I", target_at(data, at) - at + 1)


def string_without_end(data: bytes, graph: Any) -> bytes:
    at = target_at(data, field_at(graph, "SubGraph", "name"))
    return patched(data, at + 4 + len("main"), "B", 1)


def field_list_before_the_file(data: bytes, graph: Any) -> bytes:
    return patched(data, graph._tab.Pos, "<i", graph._tab.Pos + 2)


def field_list_behind_the_file(data: bytes, graph: Any) -> bytes:
    return patched(data, graph._tab.Pos, "<i", -len(data))


def odd_field_list(data: bytes, graph: Any) -> bytes:
    return patched(data, entry_at(data, graph, "SubGraph", "tensors") - 4, "<H", 15)


def long_field_list(data: bytes, graph: Any) -> bytes:
    return patched(data, entry_at(data, graph, "SubGraph", "tensors") - 4, "<H", 0xFFFE)


def string_up_to_the_end(data: bytes, graph: Any) -> bytes:
    at = target_at(data, field_at(graph, "SubGraph", "name"))
    return patched(data, at, "<I", len(data) - at - 4)


def field_in_the_head_of_its_table(data: bytes, graph: Any) -> bytes:
    operator = graph.Operators(0)
    return patched(data, entry_at(data, operator, "Operator", "builtin_options_type"), "<H", 3)


def tiny_table(data: bytes, graph: Any) -> bytes:
    return patched(data, entry_at(data, graph, "SubGraph", "tensors") - 2, "<H", 2)


def field_behind_its_table(data: bytes, graph: Any) -> bytes:
    return patched(data, entry_at(data, graph, "SubGraph", "outputs"), "<H", 4000)


def misaligned_field(data: bytes, graph: Any) -> bytes:
    return patched(data, entry_at(data, graph, "SubGraph", "outputs"), "<H", 5)


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (broken_root, r"table 'model' ends at 4294967296, file has \d+ bytes"),
        (zero_offset, r"the offset of 'model\.subgraphs\[0\]\.operators' at \d+ is zero"),
        (
            shifted_table,
            r"table 'model\.subgraphs\[0\]\.tensors\[0\]\.quantization' begins at \d+, "
            r"which is not a multiple of 4",
        ),
        (string_without_end, r"string 'model\.subgraphs\[0\]\.name' does not end in a zero byte"),
        (
            field_list_before_the_file,
            r"the field list of table 'model\.subgraphs\[0\]' begins at -2, before the file",
        ),
        (
            field_list_behind_the_file,
            r"the field list of table 'model\.subgraphs\[0\]' ends at \d+, file has \d+ bytes",
        ),
        (
            odd_field_list,
            r"the field list of table 'model\.subgraphs\[0\]' has an impossible size, 15",
        ),
        (
            long_field_list,
            r"the field list of table 'model\.subgraphs\[0\]' ends at \d+, file has \d+ bytes",
        ),
        (
            string_up_to_the_end,
            r"string 'model\.subgraphs\[0\]\.name' with its final zero ends at \d+, "
            r"file has \d+ bytes",
        ),
        (
            field_in_the_head_of_its_table,
            r"field 'model\.subgraphs\[0\]\.operators\[0\]\.builtin_options_type' "
            r"lies at 3 of a table of \d+ bytes at \d+",
        ),
        (tiny_table, r"table 'model\.subgraphs\[0\]' has an impossible size, 2"),
        (
            field_behind_its_table,
            r"field 'model\.subgraphs\[0\]\.outputs' lies at 4000 of a table of \d+ bytes at \d+",
        ),
        (
            misaligned_field,
            r"field 'model\.subgraphs\[0\]\.outputs' begins at \d+, which is not a multiple of 4",
        ),
    ],
)
def test_a_broken_structure_is_named(breaks: Callable[[bytes, Any], bytes], message: str) -> None:
    graph, _ = graph_and_operator()
    with pytest.raises(ModelError, match=f"^{message}$"):
        verify_flatbuffer(breaks(BUILT, graph))
