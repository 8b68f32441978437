"""edgeq's own format: a graph as .npz, readable by ``numpy.load(allow_pickle=False)`` alone.

The format is specified in ``NPZ.md`` beside this file.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import edgeq.ops.all  # noqa: F401  (fills the registry)
from edgeq.errors import EdgeqError, ModelError, UnsupportedError
from edgeq.frontends.npz_container import read_arrays
from edgeq.ir.attributes import decode, encode
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import PROFILES
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.base import REGISTRY, Op

FORMAT = "edgeq-graph"
VERSION = 1
HEADER = "graph"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def graph_bytes(graph: Graph) -> bytes:
    """Return a graph as the bytes of an .npz file; the same graph gives the same bytes."""
    if any(op.arithmetic is not None for op in graph.ops):
        raise ModelError("a lowered graph cannot be saved; save the graph it was lowered from")
    constants = [tensor for tensor in graph.tensors.values() if tensor.is_constant]
    keys = {tensor.name: f"constant{index}" for index, tensor in enumerate(constants)}
    header = json.dumps(_header(graph, keys), sort_keys=True, allow_nan=False)
    arrays = {HEADER: np.frombuffer(header.encode(), np.uint8)}
    arrays.update((keys[tensor.name], tensor.array) for tensor in constants)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            member = zipfile.ZipInfo(f"{key}.npy", _EPOCH)
            with archive.open(member, "w") as stream:
                little = array.astype(array.dtype.newbyteorder("<"), copy=False)
                np.lib.format.write_array(stream, np.asarray(little, order="C"), version=(1, 0))
    return buffer.getvalue()


def read_npz(data: bytes, name: str) -> Graph:
    """Return the graph of an .npz file; raise ``ModelError`` for any departure from the format."""
    arrays = read_arrays(data)
    header = _parse(arrays)
    try:
        return _graph(header, arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # A field that is missing or of the wrong JSON type; the value itself is in the message.
        raise ModelError(f"the graph description is malformed: {error!r}") from None


def _header(graph: Graph, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": graph.name,
        "numerics": graph.numerics,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "tensors": [_tensor_header(tensor, keys) for tensor in graph.tensors.values()],
        "ops": [
            {
                "kind": op.KIND,
                "inputs": list(op.inputs),
                "outputs": list(op.outputs),
                "source": op.source,
                "attributes": encode(op),
            }
            for op in graph.ops
        ],
    }


def _tensor_header(tensor: Tensor, keys: Mapping[str, str]) -> dict[str, Any]:
    header: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.value,
    }
    if tensor.quant is not None:
        header["scale"] = list(tensor.quant.scale)
        header["zero_point"] = list(tensor.quant.zero_point)
        header["axis"] = tensor.quant.axis
    if tensor.name in keys:
        header["data"] = keys[tensor.name]
    return header


def _parse(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    raw = arrays.get(HEADER)
    if raw is None or raw.dtype != np.uint8 or raw.ndim != 1:
        raise ModelError(f"no '{HEADER}' entry: this .npz is not a network", hint="see NPZ.md")
    try:
        header = json.loads(raw.tobytes().decode("utf-8"))
    except (ValueError, RecursionError):
        raise ModelError(f"the '{HEADER}' entry is not JSON") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelError(f"the '{HEADER}' entry does not describe a network")
    if header.get("version") != VERSION:
        raise UnsupportedError(f"format version {header.get('version')!r}, known: {VERSION}")
    return header


def _graph(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Graph:
    tensors = {}
    for entry in header["tensors"]:
        tensor = _tensor(entry, arrays)
        if tensor.name in tensors:
            raise ModelError(f"tensor '{tensor.name}' is described twice")
        tensors[tensor.name] = tensor
    ops = _ops(header["ops"])
    if header["numerics"] not in PROFILES:
        raise ModelError(f"unknown numerics profile {header['numerics']!r}")
    ports = (_names(header["inputs"]), _names(header["outputs"]))
    return Graph(str(header["name"]), tensors, ops, *ports, header["numerics"])


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ModelError("a list of tensor names is malformed")
    return tuple(value)


def _integers(value: Any, what: str) -> tuple[int, ...]:
    good = isinstance(value, list) and all(type(item) is int for item in value)
    if not good:
        raise ModelError(f"{what} is not a list of integers")
    return tuple(value)


def _tensor(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Tensor:
    name = entry["name"]
    if not isinstance(name, str) or not name:
        raise ModelError(f"tensor name {name!r}")
    shape = _integers(entry["shape"], f"the shape of '{name}'")
    if entry["dtype"] not in {dtype.value for dtype in DType}:
        raise ModelError(f"tensor '{name}' has the unknown type {entry['dtype']!r}")
    dtype = DType(entry["dtype"])
    quant = None
    if "scale" in entry:
        scales = tuple(float(scale) for scale in entry["scale"])
        axis = entry.get("axis")
        if axis is not None and type(axis) is not int:
            raise ModelError(f"the channel dimension of '{name}' is {axis!r}")
        zeros = _integers(entry["zero_point"], f"the zero point of '{name}'")
        quant = QuantParams(scales, zeros, axis)
    data = None
    if "data" in entry:
        data = arrays.get(entry["data"])
        if data is None or data.shape != shape or data.dtype != dtype.numpy:
            raise ModelError(f"the data of '{name}' is missing, or of another shape or type")
    return Tensor(name, shape, dtype, quant, data)


def _ops(entries: Sequence[Mapping[str, Any]]) -> tuple[Op, ...]:
    unknown = sorted({str(entry["kind"]) for entry in entries} - set(REGISTRY))
    if unknown:
        raise UnsupportedError(
            "unknown operations: " + ", ".join(unknown),
            hint="supported: " + ", ".join(sorted(REGISTRY)),
        )
    return tuple(_op(index, entry) for index, entry in enumerate(entries))


def _op(index: int, entry: Mapping[str, Any]) -> Op:
    cls = REGISTRY[entry["kind"]]
    source = str(entry.get("source") or f"npz:op[{index}] {cls.KIND}")
    try:
        attributes = decode(cls, entry.get("attributes", {}))
        ports = {"inputs": _names(entry["inputs"]), "outputs": _names(entry["outputs"])}
    except EdgeqError as error:
        raise error.at(source) from None
    return cls(**ports, source=source, **attributes)
