"""The JSON part of edgeq's .npz format (``NPZ.md``), every field checked for its type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

import edgeq.ops.all  # noqa: F401  (fills the registry)
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.ir.attributes import decode
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import PROFILES
from edgeq.ir.quant import QuantParams
from edgeq.ir.state import State
from edgeq.ir.types import DType
from edgeq.ir.verify import MAX_OPS, MAX_TENSORS
from edgeq.ops.base import REGISTRY, Op

FORMAT = "edgeq-graph"
VERSION = 1
# JSON takes some thirty times its size when it is parsed.
MAX_HEADER_BYTES = 1 << 24

_GRAPH = ("format", "version", "name", "numerics", "inputs", "outputs", "tensors", "ops")
_TENSOR = ("name", "shape", "dtype")
_TENSOR_OPTIONAL = ("scale", "zero_point", "axis", "data")
_GRAPH_OPTIONAL = ("states",)
_STATE = ("name", "next")
_STATE_OPTIONAL = ("fill", "data")
_OP = ("kind", "inputs", "outputs")
_OP_OPTIONAL = ("source", "attributes")
_LARGEST = float(np.finfo(np.float32).max)
_DTYPES = {dtype.value: dtype for dtype in DType}


def read_graph(raw: bytes, arrays: Mapping[str, np.ndarray]) -> Graph:
    """Return the graph that ``raw`` describes; ``arrays`` are the constants by entry name.

    Raise ``ModelError`` that names the first field that is missing, unknown or of the wrong type,
    ``UnsupportedError`` for another version and for kinds of operations that are not known.
    """
    header = _parse(raw)
    _fields(header, _GRAPH, _GRAPH_OPTIONAL, "the graph")
    name, numerics = _text(header["name"], "the name"), _text(header["numerics"], "numerics")
    if numerics not in PROFILES:
        known = ", ".join(PROFILES)
        raise ModelError(f"unknown numerics profile {_short(numerics)}", hint=f"known: {known}")
    tensors = _tensors(_list(header["tensors"], MAX_TENSORS, "tensors"), arrays)
    states = _states(_list(header.get("states", []), MAX_TENSORS, "states"), tensors, arrays)
    _check_used(header, arrays)
    ops = _ops(_list(header["ops"], MAX_OPS, "ops"))
    ports = (_names(header["inputs"], "the inputs"), _names(header["outputs"], "the outputs"))
    return Graph(name, tensors, ops, *ports, numerics, states=states)


def _check_used(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    entries = (*header["tensors"], *header.get("states", []))
    unused = sorted(set(arrays) - {entry["data"] for entry in entries if "data" in entry})
    if unused:
        raise ModelError(f"entry {_short(unused[0])} belongs to no tensor")


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_HEADER_BYTES:
        raise ModelError(f"a description of {len(raw)} bytes, at most {MAX_HEADER_BYTES}")
    try:
        header = json.loads(
            raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError):
        raise ModelError("the description is not JSON, or nested too deeply") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelError("the description is not that of a network", hint="see NPZ.md")
    version = header.get("version")
    if type(version) is not int or version < 1:
        raise ModelError("the format version is not a positive integer")
    if version != VERSION:
        raise UnsupportedError(f"a format version other than {VERSION}", hint="update edgeq")
    return header


def _no_constant(text: str) -> None:
    raise ModelError(f"the description holds {text}, which is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ModelError("an object of the description has a field twice")
    return found


def _short(value: Any) -> str:
    """Return a value for a message, on one line."""
    text = repr(value) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."


def _fields(value: Any, needed: tuple[str, ...], optional: tuple[str, ...], what: str) -> None:
    """Raise unless ``value`` is an object with these fields."""
    if not isinstance(value, dict):
        raise ModelError(f"{what} is not an object")
    missing = [name for name in needed if name not in value]
    if missing:
        raise ModelError(f"{what} has no field '{missing[0]}'")
    unknown = sorted(set(value) - {*needed, *optional})
    if unknown:
        raise ModelError(f"{what} has the unknown field {_short(unknown[0])}")


def _list(value: Any, most: int, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ModelError(f"'{what}' is not a list")
    if len(value) > most:
        raise ModelError(f"{len(value)} {what}, at most {most}")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ModelError(f"{what} is not a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelError(f"{what} holds half of a surrogate pair") from None
    return value


def _names(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ModelError(f"{what} are not a list of names")
    return tuple(_text(item, f"a name of {what}") for item in value)


def _integers(value: Any, what: str) -> tuple[int, ...]:
    if not isinstance(value, list) or any(type(item) is not int for item in value):
        raise ModelError(f"{what} is not a list of integers")
    if any(abs(item) > 1 << 31 for item in value):
        raise ModelError(f"{what} holds an integer beyond 32 bits")
    return tuple(value)


def _scales(value: Any, what: str) -> tuple[float, ...]:
    if not isinstance(value, list) or any(type(item) not in (int, float) for item in value):
        raise ModelError(f"{what} is not a list of numbers")
    if any(not 0 < item < 1 << 128 for item in value):
        raise ModelError(f"{what} holds a number that is not positive and finite")
    return tuple(float(item) for item in value)


def _tensors(entries: list[Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for index, entry in enumerate(entries):
        _fields(entry, _TENSOR, _TENSOR_OPTIONAL, f"tensor {index}")
        name = _text(entry["name"], f"the name of tensor {index}")
        if not name or name in tensors:
            raise ModelError(f"tensor {index} has the name {_short(name)}, empty or repeated")
        try:
            tensors[name] = _tensor(name, entry, arrays)
        except ModelError as error:
            raise error.at(f"tensor {index} {_short(name)}") from None
    return tensors


def _states(
    entries: list[Any], tensors: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray]
) -> tuple[State, ...]:
    """Return what the graph remembers; ``verify`` compares shapes and types."""
    found = []
    for index, entry in enumerate(entries):
        _fields(entry, _STATE, _STATE_OPTIONAL, f"state {index}")
        name, after = (_text(entry[field], f"a name of state {index}") for field in _STATE)
        if name not in tensors:
            raise ModelError(f"state {index} is {_short(name)}, which is no tensor")
        try:
            found.append(State(name, after, _initial(entry, tensors[name], arrays)))
        except ModelError as error:
            raise error.at(f"state {index} {_short(name)}") from None
    return tuple(found)


def _initial(
    entry: Mapping[str, Any], tensor: Tensor, arrays: Mapping[str, np.ndarray]
) -> np.ndarray:
    if ("fill" in entry) == ("data" in entry):
        raise ModelError("has no first value, or two")
    if "data" in entry:
        return _entry(entry, arrays)
    fill, dtype = entry["fill"], tensor.dtype
    if dtype is DType.BOOL or dtype.is_float:
        fits = type(fill) is bool if dtype is DType.BOOL else type(fill) in (int, float)
    else:
        fits = type(fill) is int and dtype.min <= fill <= dtype.max
    if not fits or abs(fill) > _LARGEST:
        raise ModelError(f"its fill is no {dtype.value}")
    try:
        return np.broadcast_to(np.array(fill, dtype.numpy), tensor.shape)
    except ValueError:
        raise ModelError(f"shape {tensor.shape} is not one") from None


def _entry(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    data = arrays.get(_text(entry["data"], "the name of the data"))
    if data is None:
        raise ModelError(f"there is no entry {_short(entry['data'])} for its data")
    return data


def _tensor(name: str, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Tensor:
    shape = _integers(entry["shape"], "the shape")
    dtype = _DTYPES.get(_text(entry["dtype"], "the type"))
    if dtype is None:
        raise ModelError(f"unknown type {_short(entry['dtype'])}", hint=", ".join(_DTYPES))
    data = None
    if "data" in entry:
        data = _entry(entry, arrays)
        if data.shape != shape or data.dtype != dtype.numpy:
            raise ModelError(
                f"its data is {data.dtype} {data.shape}, expected {dtype.value} {shape}"
            )
    return Tensor(name, shape, dtype, _quantization(entry), data)


def _quantization(entry: Mapping[str, Any]) -> QuantParams | None:
    given = [field for field in ("scale", "zero_point", "axis") if field in entry]
    if not given:
        return None
    if "scale" not in given or "zero_point" not in given:
        raise ModelError("'scale' and 'zero_point' go together")
    axis = entry.get("axis")
    if axis is not None:
        (axis,) = _integers([axis], "the axis")
    zeros = _integers(entry["zero_point"], "the zero point")
    return QuantParams(_scales(entry["scale"], "the scale"), zeros, axis)


def _ops(entries: list[Any]) -> tuple[Op, ...]:
    for index, entry in enumerate(entries):
        _fields(entry, _OP, _OP_OPTIONAL, f"op {index}")
    kinds = {_text(entry["kind"], "the kind of an op") for entry in entries}
    unknown = sorted(_short(kind) for kind in kinds - set(REGISTRY))
    if unknown:
        raise UnsupportedError(
            "unknown operations: " + ", ".join(unknown),
            hint="supported: " + ", ".join(sorted(REGISTRY)),
        )
    return tuple(_op(index, entry) for index, entry in enumerate(entries))


def _op(index: int, entry: Mapping[str, Any]) -> Op:
    cls = REGISTRY[entry["kind"]]
    source = _text(entry.get("source", ""), f"the source of op {index}")
    try:
        ports = {side: _names(entry[side], f"the {side}") for side in ("inputs", "outputs")}
        return cls(**ports, source=source, **decode(cls, entry.get("attributes", {})))
    except EdgeqError as error:
        raise error.at(source or f"op[{index}] {cls.KIND}") from None
