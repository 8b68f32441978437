"""A small file with every kind of field, and the means to break it in a chosen place."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.schema.layout import TABLES
from tests.frontends.tflite_builder import ModelBuilder


def built_model() -> bytes:
    """Return a small file that has every kind of field."""
    b = ModelBuilder()
    x = b.input("x", (1, 4, 4, 2), scale=0.5, zero_point=3)
    w = b.const("w", np.arange(24, dtype=np.int8).reshape(3, 2, 2, 2), scale=[0.1, 0.2, 0.3])
    y = b.tensor("y", (1, 3, 3, 3), scale=0.25, sparsity={"dim_metadata": [{"dense_size": 3}]})
    b.op("CONV_2D", [x, w, None], [y], Conv2DOptions={"padding": "VALID", "stride_w": 1})
    b.op("CUSTOM", [y], [], custom_code="Own", custom_options=b"\1\2\3")
    b.op("VAR_HANDLE", [], [], VarHandleOptions={"shared_name": "state"})
    return b.finish([y], metadata=[{"name": "min_runtime_version", "buffer": 0}])


BUILT = built_model()


def refusal(data: bytes) -> str:
    """Return why ``data`` is refused."""
    with pytest.raises(ModelError) as error:
        verify_flatbuffer(data)
    return str(error.value)


def patched(data: bytes, at: int, layout: str, *values: object) -> bytes:
    """Return ``data`` with numbers written over what is at byte ``at``."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *values)
    return bytes(changed)


def slot_id(kind: str, name: str) -> int:
    return next(index for index, slot in enumerate(TABLES[kind]) if slot and slot[0] == name)


def field_at(table: Any, kind: str, name: str) -> int:
    """Return the byte at which a table stores a field that it has."""
    offset = table._tab.Offset(4 + 2 * slot_id(kind, name))
    assert offset
    return table._tab.Pos + offset


def entry_at(data: bytes, table: Any, kind: str, name: str) -> int:
    """Return the byte at which a table's field list has the place of a field."""
    return (
        table._tab.Pos
        - struct.unpack_from("<i", data, table._tab.Pos)[0]
        + (4 + 2 * slot_id(kind, name))
    )


def target_at(data: bytes, at: int) -> int:
    """Return the byte that the offset at byte ``at`` leads to."""
    return at + struct.unpack_from("<I", data, at)[0]


def graph_and_operator() -> tuple[Any, Any]:
    graph = schema.Model.GetRootAs(BUILT).Subgraphs(0)
    return graph, graph.Operators(0)
