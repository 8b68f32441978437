"""What graphs remember, in files: every kind of first value, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from edgeq.errors import ModelError
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.ir.graph import Graph
from edgeq.ir.state import State
from edgeq.ir.text import graph_text
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from tests.ir.test_state import counter
from tests.passes.nets import Net, graphs


def same(graph: Graph) -> bytes:
    """Return the file of a graph, once it has been read again."""
    data = graph_bytes(graph)
    again = verify(read_npz(data, "other"))
    assert graph_text(again) == graph_text(graph)
    assert graph_bytes(again) == data
    return data


@given(graphs())
def test_states_are_kept(graph: Graph) -> None:
    same(graph)


@pytest.mark.parametrize(
    ("dtype", "fill", "takes_array"),
    [
        (DType.BOOL, True, False),
        (DType.INT8, -128, False),
        (DType.UINT8, 255, False),
        (DType.INT32, -(2**31), False),
        (DType.INT64, 2**62, True),
        (DType.FLOAT32, float(np.float32(0.1)), False),
        (DType.FLOAT32, -0.0, False),
        (DType.FLOAT32, float("nan"), True),
    ],
)
def test_one_value_for_all_elements(dtype: DType, fill: Any, takes_array: bool) -> None:
    net = Net(dtype, None)
    x, s = net.input((2, 3)), net.state(np.full((2, 3), fill, dtype.numpy))
    net.becomes(s, x)
    graph = net.graph(s)
    data = same(graph)
    state = _header(data)["states"][0]
    assert ("data" in state) is takes_array
    (again,) = read_npz(data, "m").states
    np.testing.assert_array_equal(again.initial, graph.states[0].initial, strict=True)
    assert again.initial.tobytes() == graph.states[0].initial.tobytes()


def test_a_graph_without_states_says_nothing_of_them() -> None:
    net = Net()
    assert "states" not in _header(graph_bytes(net.graph(net.input((1,)))))


def _header(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        found: dict[str, Any] = json.loads(archive["graph"].tobytes())
    return found


def _changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    mixed = State("s0", counter().states[0].next, np.array([[1, 2, 3]], np.int8))
    data = graph_bytes(replace(counter(), states=(mixed,)))
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = _header(data)
    change(header)
    arrays["graph"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _set(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        state = header["states"][0]
        if "fill" in fields:
            del state["data"]
        state.update(fields)

    return change


def _shape(header: dict[str, Any]) -> None:
    _set(fill=0)(header)
    next(t for t in header["tensors"] if t["name"] == "s0")["shape"] = [1 << 30] * 9


REFUSED: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda header: header.update(states=3), "'states' is not a list"),
    (lambda header: header.update(states=[3]), "state 0 is not an object"),
    (lambda header: header["states"][0].pop("next"), "state 0 has no field 'next'"),
    (lambda header: header["states"][0].update(fill=0), "state 0 's0': has no first value, or two"),
    (lambda header: header["states"][0].pop("data"), "state 0 's0': has no first value, or two"),
    (lambda header: header.pop("states"), "entry 'constant0' belongs to no tensor"),
    (_set(name="no"), "state 0 is 'no', which is no tensor"),
    (_set(next=7), "a name of state 0 is not a string"),
    (_set(data="no"), "there is no entry 'no' for its data"),
    (_set(more=1), "state 0 has the unknown field 'more'"),
    (_set(fill=128), "its fill is no int8"),
    (_set(fill=True), "its fill is no int8"),
    (_set(fill=0.5), "its fill is no int8"),
    (_set(fill=None), "its fill is no int8"),
    (_shape, "is not one"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[says for _, says in REFUSED])
def test_states_that_break_the_format(change: Callable[[Any], Any], message: str) -> None:
    broken = _changed(change)
    if "fill" in message or message == "is not one":
        broken = _without(broken, "constant0")
    with pytest.raises(ModelError) as error:
        read_npz(broken, "m")
    assert message in str(error.value)


def _without(data: bytes, entry: str) -> bytes:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != entry}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
