"""edgeq's own format: a graph as .npz, readable by ``numpy.load(allow_pickle=False)`` alone.

The format is specified in ``NPZ.md`` beside this file; ``npz_header`` reads its JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.frontends.npz_container import MAX_ENTRIES, MAX_TOTAL_BYTES, read_arrays
from edgeq.frontends.npz_header import FORMAT, MAX_HEADER_BYTES, VERSION, read_graph
from edgeq.ir.attributes import encode
from edgeq.ir.graph import Graph, Tensor

HEADER = "graph"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def graph_bytes(graph: Graph) -> bytes:
    """Return a graph as the bytes of an .npz file; the same graph gives the same bytes.

    Everything but ``origin`` is kept. Raise ``ModelError`` for a lowered graph, and for one that
    ``read_npz`` would refuse for its size or its values.
    """
    if any(op.arithmetic is not None for op in graph.ops):
        raise ModelError("a lowered graph cannot be saved; save the graph it was lowered from")
    constants = [tensor for tensor in graph.tensors.values() if tensor.is_constant]
    keys = {tensor.name: f"constant{index}" for index, tensor in enumerate(constants)}
    header = _header_bytes(graph, keys)
    total = len(header) + sum(tensor.bytes for tensor in constants)
    if len(constants) + 1 > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
        raise ModelError(f"{len(constants)} constants, {total} bytes: more than an .npz may hold")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _write(archive, HEADER, np.frombuffer(header, np.uint8))
        for tensor in constants:
            _write(archive, keys[tensor.name], tensor.array)
    return buffer.getvalue()


def read_npz(data: bytes, name: str) -> Graph:
    """Return the graph of an .npz file; raise ``ModelError`` for any departure from the format.

    The graph has the name that the file says, not ``name``.
    """
    arrays = read_arrays(data)
    header = arrays.pop(HEADER, None)
    if header is None or header.dtype != np.uint8 or header.ndim != 1:
        raise ModelError(f"no '{HEADER}' entry: this .npz is not a network", hint="see NPZ.md")
    return read_graph(header.tobytes(), arrays)


def _write(archive: zipfile.ZipFile, key: str, array: np.ndarray) -> None:
    member = zipfile.ZipInfo(f"{key}.npy", _EPOCH)
    # Python writes the system it ran on here.
    member.create_system = 3
    with archive.open(member, "w") as stream:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        np.lib.format.write_array(stream, np.asarray(little, order="C"), version=(1, 0))


def _header_bytes(graph: Graph, keys: Mapping[str, str]) -> bytes:
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": graph.name,
        "numerics": graph.numerics,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "tensors": [_tensor(tensor, keys) for tensor in graph.tensors.values()],
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
    try:
        text = json.dumps(header, sort_keys=True, allow_nan=False)
    except ValueError:
        raise ModelError("a scale is not a finite number") from None
    if len(text) > MAX_HEADER_BYTES:
        raise ModelError(f"a description of {len(text)} bytes, at most {MAX_HEADER_BYTES}")
    return text.encode("ascii")


def _tensor(tensor: Tensor, keys: Mapping[str, str]) -> dict[str, Any]:
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
