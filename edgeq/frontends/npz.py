"""edgeq's own format: a graph as .npz, readable by ``numpy.load(allow_pickle=False)`` alone.

The format is specified in ``NPZ.md`` beside this file; ``npz_header`` reads its JSON.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.frontends.npz_container import MAX_ENTRIES, MAX_TOTAL_BYTES, read_arrays
from edgeq.frontends.npz_header import FORMAT, MAX_HEADER_BYTES, VERSION, read_graph
from edgeq.ir.attributes import MAX_INTEGER, encode
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.state import State

HEADER = "graph"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def graph_bytes(graph: Graph) -> bytes:
    """Return a graph as the bytes of an .npz file; the same graph gives the same bytes.

    Everything but ``origin`` is kept. Raise ``ModelError`` for a lowered graph, and for one that
    ``read_npz`` would refuse for its size or its values.
    """
    if any(op.arithmetic is not None for op in graph.ops):
        raise ModelError("a lowered graph cannot be saved; save the graph it was lowered from")
    constants = {t.name: t.array for t in graph.tensors.values() if t.is_constant}
    # The tensor of a state is no constant, so that its first value can go by its name.
    constants.update((s.name, s.initial) for s in graph.states if _fill(s) is None)
    keys = {name: f"constant{index}" for index, name in enumerate(constants)}
    header = _header_bytes(graph, keys)
    total = len(header) + sum(array.nbytes for array in constants.values())
    if len(constants) + 1 > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
        raise ModelError(f"{len(constants)} constants, {total} bytes: more than an .npz may hold")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _write(archive, HEADER, np.frombuffer(header, np.uint8))
        for name, array in constants.items():
            _write(archive, keys[name], array)
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
    header: dict[str, Any] = {
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
    if graph.states:
        header["states"] = [_state(state, keys) for state in graph.states]
    try:
        text = json.dumps(header, sort_keys=True, allow_nan=False)
    except ValueError:
        raise ModelError("a scale is not a finite number") from None
    if len(text) > MAX_HEADER_BYTES:
        raise ModelError(f"a description of {len(text)} bytes, at most {MAX_HEADER_BYTES}")
    return text.encode("ascii")


def _state(state: State, keys: Mapping[str, str]) -> dict[str, Any]:
    fill = _fill(state)
    first = {"data": keys[state.name]} if fill is None else {"fill": fill}
    return {"name": state.name, "next": state.next, **first}


def _fill(state: State) -> Any:
    """Return the first value of all elements as JSON; ``None`` where it takes an array."""
    value = state.initial.reshape(-1)[0].item() if state.is_uniform else math.nan
    return value if math.isfinite(value) and abs(value) <= MAX_INTEGER else None


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
    if tensor.is_constant:
        header["data"] = keys[tensor.name]
    return header
