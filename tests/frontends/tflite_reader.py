"""Read a .tflite file whole, through the accessors, into dictionaries."""

from __future__ import annotations

from typing import Any

from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.schema.layout import TABLES, UNIONS


def read_model(data: bytes) -> dict[str, Any]:
    """Return every field of every table; a union is the pair of its table's kind and its table.

    The value of a union of an unknown code, and of the code "none", is left unread.
    """
    return read_table(schema.Model.GetRootAs(data), "Model")


def read_table(table: Any, kind: str) -> dict[str, Any]:
    """Return the fields of ``table``, which is of the schema's ``kind``."""
    return {
        name: _field(table, accessor_name(name), what, type_)
        for name, what, type_ in (slot for slot in TABLES[kind] if slot)
    }


def accessor_name(field: str) -> str:
    """Return what flatc calls the accessor of a field: ``stride_w`` is read by ``StrideW``."""
    return "".join(part[:1].upper() + part[1:] for part in field.split("_"))


def _field(table: Any, name: str, what: str, type_: str) -> Any:
    if what == "vector":
        values = getattr(table, f"{name}AsNumpy")()
        return () if isinstance(values, int) else tuple(values.tolist())
    if what == "tables":
        count = getattr(table, f"{name}Length")()
        return tuple(read_table(getattr(table, name)(index), type_) for index in range(count))
    if what == "union":
        code = getattr(table, f"{name}Type")()
        value = getattr(table, name)() if 0 < code < len(UNIONS[type_]) else None
        return value and _member(value, UNIONS[type_][code])
    value = getattr(table, name)()
    return read_table(value, type_) if what == "table" and value else value


def _member(value: Any, kind: str) -> tuple[str, dict[str, Any]]:
    member = getattr(schema, kind)()
    member.Init(value.Bytes, value.Pos)
    return kind, read_table(member, kind)
