"""The page ``docs/ops.md``: every operation, from the registry, the front ends and the kernels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.tflite import CONVERTERS
from edgeq.report import facts
from edgeq.report.op_types import type_names

_INTRODUCTION = """\
# Operations

`edgeq ops --markdown` writes this page from what edgeq is made of, and a test compares the two.

*In C* are the types of an operation's data that become C for every target, with those of the output
where they differ; uint8 networks are computed in int8 codes. An operation is *in float networks*
where `edgeq quantize` and `edgeq eval` take it in float32. `.npz` holds every operation. Where an
instruction set has *own kernels* they take the layers that they suit, and portable C the others.
*Mixed* are the types of operations with states; `edgeq/ops/` tells them.
"""

_TFLITE = """\
## TFLite operators

The types are those that the operator's data may have in a file; operators that compute in float32
must be quantized before they become C.
"""

_UNREAD = """\
## TFLite operators that are not read

A file that has one of these is refused with an error that names each of them; so are custom
operators that are not in the table above, sparse tensors, and shapes known at run time only.
"""


def page() -> str:
    """Return the page."""
    return "\n".join((_INTRODUCTION, _operations(), _TFLITE, _operators(), _UNREAD, _unread()))


def _operations() -> str:
    columns = ("operation", "in C", "in float networks", "TFLite", "ONNX", "PyTorch", "own kernels")
    return _table(columns, map(_operation, facts.operations()))


def _operation(row: dict[str, Any]) -> Iterator[str]:
    yield f"`{row['kind']}`"
    yield "; ".join(row["types"])
    yield "yes" if row["float_networks"] else ""
    for reader in ("tflite", "onnx", "pt2"):
        yield ", ".join(f"`{code}`" for code in row[reader])
    yield ", ".join(isa for isa, kernels in row["kernels"].items() if kernels and isa != "portable")


def _operators() -> str:
    rows = (
        (
            f"`{code}`",
            ", ".join(f"`{kind}`" for kind in facts.tflite_kinds(code)),
            type_names(converter.types),
        )
        for code, converter in sorted(CONVERTERS.items())
    )
    return _table(("operator", "becomes", "types"), rows)


def _unread() -> str:
    names = (name for name, number in vars(schema.BuiltinOperator).items() if _is_code(number))
    return ", ".join(f"`{name}`" for name in sorted(names) if name not in CONVERTERS) + "\n"


def _is_code(number: object) -> bool:
    return isinstance(number, int) and number != schema.BuiltinOperator.CUSTOM


def _table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("".join(f"| {cell} " if cell else "| " for cell in row) + "|\n" for row in lines)
