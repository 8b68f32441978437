"""The messages of an .onnx file: parsed, bounded, and its constants as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.tflite.tensors import limit, readable
from edgeq.ir.types import Shape, elements
from edgeq.ir.verify import MAX_EXTENT, MAX_OPERANDS, MAX_OPS, MAX_RANK, MAX_TENSORS

MAX_ATTRIBUTES = 1 << 20
MIN_OPSET, MAX_OPSET = 7, 26

_EXTERNAL = 1  # TensorProto.EXTERNAL
_FLOAT = 1
_INT32 = 6
# Element types by their number in TensorProto, and the field that holds them without raw_data.
_TYPES: dict[int, tuple[str, str]] = {
    _FLOAT: ("float32", "float_data"),
    2: ("uint8", "int32_data"),
    3: ("int8", "int32_data"),
    4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"),
    _INT32: ("int32", "int32_data"),
    7: ("int64", "int64_data"),
    9: ("bool", "int32_data"),
    11: ("float64", "double_data"),
}
_NAMES = {8: "STRING", 10: "FLOAT16", 12: "UINT32", 13: "UINT64", 16: "BFLOAT16"}


def parse(data: bytes) -> Any:
    """Return the ModelProto of a file; raise ``ModelError`` when it is none."""
    try:
        from google.protobuf.message import DecodeError
        from onnx import ModelProto
    except ImportError:
        raise UnsupportedError(
            "reading .onnx needs the package 'onnx'", hint="pip install 'edgeq[onnx]'"
        ) from None
    model: Any = ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError):
        raise ModelError("not an ONNX file, or a damaged one") from None
    _check(model)
    return model


def _check(model: Any) -> None:
    """Raise unless the counts are those of a network, and the operator set is one known here."""
    graph = model.graph
    if not model.HasField("graph") or not graph.node:
        raise ModelError("the file holds no graph")
    limit(len(graph.node), MAX_OPS, "operations")
    limit(len(graph.initializer) + len(graph.input), MAX_TENSORS, "tensors")
    limit(sum(len(n.input) + len(n.output) for n in graph.node), MAX_OPERANDS, "operands")
    limit(sum(len(n.attribute) for n in graph.node), MAX_ATTRIBUTES, "attributes")
    if not all(isinstance(name, str) for name in _names(model)):
        raise ModelError("a name is not text in UTF-8")
    if graph.sparse_initializer:
        raise UnsupportedError("sparse constants are not supported")


def value_names(graph: Any) -> set[str]:
    """Return the names of all values of a graph."""
    return {
        *(entry.name for entry in (*graph.initializer, *graph.input)),
        *(name for node in graph.node for name in (*node.input, *node.output)),
    }


def _names(model: Any) -> Iterator[object]:
    """Yield every name of a model; protobuf gives bytes for those that are not UTF-8."""
    graph = model.graph
    for entry in (*graph.initializer, *graph.input, *graph.output, *graph.node):
        yield entry.name
    for entry in graph.input:
        yield from (dim.dim_param for dim in entry.type.tensor_type.shape.dim)
    for entry in (*model.opset_import, *graph.node):
        yield entry.domain
    for node in graph.node:
        yield node.op_type
        yield from (*node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def opset(model: Any) -> int:
    """Return the version of the standard operators; raise where edgeq does not know it."""
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if len(versions) != 1:
        raise ModelError(f"{len(versions)} versions of the standard operators, expected 1")
    if not MIN_OPSET <= versions[0] <= MAX_OPSET:
        raise UnsupportedError(
            f"operator set {versions[0]}", hint=f"{MIN_OPSET} to {MAX_OPSET} are read"
        )
    return int(versions[0])


def element_type(number: int) -> str:
    """Return the NumPy name of an element type, or what the format calls an unsupported one."""
    return _TYPES[number][0] if number in _TYPES else _NAMES.get(number, f"type {number}")


def array_of(tensor: Any, where: str) -> np.ndarray:
    """Return a TensorProto as an array; raise unless its data are exactly what its shape asks."""
    if tensor.data_location == _EXTERNAL or tensor.external_data:
        raise UnsupportedError(
            "data in another file",
            where=where,
            hint="onnx.save_model(onnx.load_model(FILE), NEW) joins them",
        )
    if tensor.data_type not in _TYPES:
        raise UnsupportedError(f"a constant of {element_type(tensor.data_type)}", where=where)
    name, field = _TYPES[tensor.data_type]
    shape = _shape(tensor.dims, where)
    dtype = np.dtype(name)
    if tensor.HasField("raw_data"):
        raw = np.frombuffer(tensor.raw_data, np.uint8)
        if raw.size != elements(shape) * dtype.itemsize:
            raise ModelError(f"{raw.size} bytes of data for {name} {shape}", where=where)
        values = raw != 0 if name == "bool" else raw.view(dtype.newbyteorder("<")).astype(dtype)
        return values.reshape(shape)
    stored = getattr(tensor, field)
    if len(stored) != elements(shape):
        raise ModelError(f"{len(stored)} values for {name} {shape}", where=where)
    return np.array(stored, stored_type(field)).astype(dtype).reshape(shape)


def stored_type(field: str) -> str:
    """Return the NumPy name of the numbers in a field of TensorProto.

    >>> stored_type("int32_data"), stored_type("float_data"), stored_type("double_data")
    ('int32', 'float32', 'float64')
    """
    return {"float_data": "float32", "double_data": "float64"}.get(field, field[:5])


def _shape(dims: Iterable[int], where: str) -> Shape:
    shape = tuple(int(extent) for extent in dims)
    if len(shape) > MAX_RANK or any(not 0 <= extent <= MAX_EXTENT for extent in shape):
        raise ModelError(f"a shape of {len(shape)} dimensions, {shape[:MAX_RANK]}", where=where)
    return shape


def input_shape(value: Any) -> tuple[Shape, str]:
    """Return shape and type of an input of the model; a batch whose size is open becomes 1."""
    where = f"input '{readable(value.name)}'"
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise UnsupportedError("is not a tensor", where=where)
    dtype = element_type(kind.elem_type)
    if dtype not in ("float32", "int8", "uint8"):
        raise UnsupportedError(f"of {dtype}, not float32, int8 or uint8", where=where)
    if not kind.HasField("shape"):
        raise UnsupportedError("has a shape known at run time only", where=where)
    if len(kind.shape.dim) > MAX_RANK:
        raise UnsupportedError(f"has {len(kind.shape.dim)} dimensions", where=where)
    shape = []
    for axis, dim in enumerate(kind.shape.dim):
        known = dim.HasField("dim_value")
        if not known and axis > 0:
            name = readable(dim.dim_param) or "?"
            raise UnsupportedError(
                f"has an extent known at run time only: dimension {axis}, '{name}'",
                where=where,
                hint="only the batch, dimension 0, may be open: export with fixed extents",
            )
        shape.append(int(dim.dim_value) if known else 1)
    if any(not 0 < extent <= MAX_EXTENT for extent in shape):
        raise ModelError(f"has shape {tuple(shape)}", where=where)
    return tuple(shape), dtype
