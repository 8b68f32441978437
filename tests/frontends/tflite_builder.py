"""Build small .tflite files from descriptions, for comparing single operators.

b = ModelBuilder()
x = b.input("x", (1, 8, 8, 3), "int8", scale=0.5, zero_point=3)
w = b.const("w", weights, scale=[0.1, 0.2], axis=0)
y = b.tensor("y", (1, 8, 8, 2), "int8", scale=1.0)
b.op("CONV_2D", [x, w, None], [y], Conv2DOptions={"padding": "SAME", "stride_w": 1, ...})
data = b.finish([y])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import number_types

from edgeq.frontends.schema import tflite_generated as schema
from edgeq.frontends.schema.layout import TABLES, UNIONS

# What an .fbs scalar type is called in flatbuffers; other scalars are enums, by their size.
_FLAGS = {
    "bool": number_types.BoolFlags,
    "byte": number_types.Int8Flags,
    "ubyte": number_types.Uint8Flags,
    "ushort": number_types.Uint16Flags,
    "int": number_types.Int32Flags,
    "uint": number_types.Uint32Flags,
    "float": number_types.Float32Flags,
    "long": number_types.Int64Flags,
    "ulong": number_types.Uint64Flags,
}
_VECTORS = {
    "bool": "?",
    "byte": "i1",
    "ubyte": "u1",
    "ushort": "<u2",
    "int": "<i4",
    "float": "<f4",
    "long": "<i8",
}

# The old field for an operator's code is a byte, and 127 there says "see the new one".
_LARGEST_OLD_CODE = 127

Values = dict[str, Any]


class ModelBuilder:
    """Collect tensors and operators; a tensor is known by its index in its subgraph."""

    def __init__(self) -> None:
        self.codes: list[Values] = []
        self.buffers: list[Values] = [{}]
        self.subgraphs: list[Values] = []
        self.subgraph("main")

    def subgraph(self, name: str) -> int:
        """Begin a subgraph, to which all that follows belongs; return its index."""
        self.graph: Values = {
            "name": name,
            "tensors": [],
            "inputs": [],
            "outputs": [],
            "operators": [],
        }
        self.subgraphs.append(self.graph)
        return len(self.subgraphs) - 1

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "int8",
        *,
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        axis: int = 0,
        **fields: object,
    ) -> int:
        """Add a tensor, per-channel along ``axis`` where ``scale`` has several values.

        ``fields`` sets any other field of the Tensor table.
        """
        values: Values = {"name": name, "shape": list(shape), "type": dtype.upper(), **fields}
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zero_points = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape)
            values["quantization"] = {
                "scale": scales,
                "zero_point": zero_points,
                "quantized_dimension": axis,
            }
        self.graph["tensors"].append(values)
        return len(self.graph["tensors"]) - 1

    def input(self, name: str, shape: Sequence[int], dtype: str = "int8", **options: Any) -> int:
        """Add a tensor that the caller fills; takes what ``tensor`` takes."""
        index = self.tensor(name, shape, dtype, **options)
        self.graph["inputs"].append(index)
        return index

    def variable(self, name: str, shape: Sequence[int], dtype: str = "int8", **options: Any) -> int:
        """Add a tensor that keeps its value from one run to the next."""
        return self.tensor(name, shape, dtype, is_variable=True, **options)

    def const(self, name: str, array: object, dtype: str | None = None, **options: Any) -> int:
        """Add a constant; ``dtype`` "int4" packs two codes to a byte, the first in the low half."""
        values = np.asarray(array)
        data = _pack_int4(values) if dtype == "int4" else values.astype(dtype or values.dtype)
        self.buffers.append({"data": data})
        kind = dtype or values.dtype.name
        return self.tensor(name, values.shape, kind, buffer=len(self.buffers) - 1, **options)

    def op(
        self,
        code: str,
        inputs: Iterable[int | None],
        outputs: Iterable[int],
        *,
        version: int = 1,
        custom_code: str | None = None,
        custom_options: bytes | None = None,
        intermediates: Sequence[int] | None = None,
        **options: Values,
    ) -> int:
        """Add an operator: ``op("ADD", [a, b], [c], AddOptions={})``; return its index.

        An input that is left out is ``None``. At most one option table may be given; enum
        fields take the member's name.
        """
        number = getattr(schema.BuiltinOperator, code)
        operator: Values = {
            "opcode_index": self._code(number, version, custom_code),
            "inputs": [-1 if index is None else index for index in inputs],
            "outputs": list(outputs),
        }
        for name, values in options.items():
            operator["builtin_options"] = (name, values)
        if custom_options is not None:
            operator["custom_options"] = np.frombuffer(custom_options, np.uint8)
        if intermediates is not None:
            operator["intermediates"] = intermediates
        self.graph["operators"].append(operator)
        return len(self.graph["operators"]) - 1

    def outputs(self, outputs: Iterable[int]) -> None:
        """Name the outputs of the current subgraph."""
        self.graph["outputs"] = list(outputs)

    def finish(self, outputs: Iterable[int] | None = None, **fields: object) -> bytes:
        """Return the file; ``outputs`` are those of the current subgraph.

        ``fields`` sets any other field of the Model table.
        """
        if outputs is not None:
            self.outputs(outputs)
        model: Values = {
            "version": 3,
            "operator_codes": self.codes,
            "subgraphs": self.subgraphs,
            "description": "built by a test",
            "buffers": self.buffers,
            **fields,
        }
        return write_table("Model", model)

    def _code(self, number: int, version: int, custom_code: str | None) -> int:
        code: Values = {
            "deprecated_builtin_code": min(number, _LARGEST_OLD_CODE),
            "builtin_code": number,
            "version": version,
        }
        if custom_code is not None:
            code["custom_code"] = custom_code
        if code not in self.codes:
            self.codes.append(code)
        return self.codes.index(code)


def write_table(kind: str, values: Values) -> bytes:
    """Return a file whose root is a table of the schema, with exactly the fields in ``values``.

    Tables are dictionaries, vectors sequences, unions pairs of member and table, enum members
    names or numbers.
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, kind, values), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, kind: str, values: Values) -> int:
    slots = {slot[0]: (index, *slot[1:]) for index, slot in enumerate(TABLES[kind]) if slot}
    unknown = set(values) - set(slots)
    if unknown:
        raise KeyError(f"{kind} has no field {sorted(unknown)}")
    values = _with_union_codes(slots, values)
    # Children first: a table that is being written cannot be interrupted.
    done = {
        name: value if slots[name][1] == "scalar" else _child(builder, *slots[name][1:], value)
        for name, value in values.items()
    }
    builder.StartObject(len(TABLES[kind]))
    for name, value in done.items():
        index, what, type_ = slots[name]
        if what == "scalar":
            flags, number = _scalar(type_, value)
            builder.PrependSlot(flags, index, number, None)
        else:
            builder.PrependUOffsetTRelativeSlot(index, value, 0)
    return builder.EndObject()


def _with_union_codes(slots: dict[str, tuple[int, str, str]], values: Values) -> Values:
    """Return the values with each union's pair split into its code and its table."""
    split: Values = {}
    for name, value in values.items():
        _, what, type_ = slots[name]
        if what == "union":
            code = getattr(getattr(schema, type_), value[0])
            split[f"{name}_type"] = code
            split[name] = (UNIONS[type_][code], value[1])
        else:
            split[name] = value
    return split


def _child(builder: flatbuffers.Builder, what: str, type_: str, value: Any) -> int:
    if what == "string":
        return builder.CreateString(value)
    if what == "table":
        return _table(builder, type_, value)
    if what == "union":
        return _table(builder, *value)
    if what == "tables":
        offsets = [_table(builder, type_, element) for element in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    return _vector(builder, type_, value)


def _vector(builder: flatbuffers.Builder, type_: str, value: Any) -> int:
    # The bytes of a Buffer are those of an array of any type.
    array = np.asarray(value) if type_ == "ubyte" else np.asarray(value, _VECTORS[type_])
    data = array.tobytes()
    width = 1 if type_ == "ubyte" else array.itemsize
    # Kernels may load constants 16 bytes at a time.
    builder.StartVector(width, len(data) // width, 16 if type_ == "ubyte" else width)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return builder.EndVector()


def _scalar(type_: str, value: Any) -> tuple[Any, Any]:
    if type_ in _FLAGS:
        return _FLAGS[type_], value
    number = getattr(getattr(schema, type_), value) if isinstance(value, str) else value
    wide = type_ == "BuiltinOperator"
    return number_types.Int32Flags if wide else number_types.Int8Flags, number


def _pack_int4(values: np.ndarray) -> np.ndarray:
    codes = values.astype(np.int8).view(np.uint8).ravel() & 15
    codes = np.append(codes, np.zeros(codes.size % 2, np.uint8))
    return codes[::2] | codes[1::2] << 4
