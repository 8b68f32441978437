from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import api
from edgeq.emit.names import comment_text
from edgeq.errors import EdgeqError, ModelError
from edgeq.frontends import load, npz
from edgeq.frontends.npz import graph_bytes, read_npz
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.text import graph_text
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops.base import REGISTRY
from edgeq.ops.relu import Relu
from edgeq.ops.softmax import Softmax
from tests.frontends.random_graphs import graphs, operations, parts

SPEC = Path(npz.__file__).parent / "NPZ.md"


@given(graphs())
def test_nothing_is_lost(graph: Graph) -> None:
    data = graph_bytes(graph)
    again = read_npz(data, "ignored")
    assert parts(again) == parts(graph)
    assert graph_bytes(again) == data


@pytest.mark.parametrize("kind", sorted(REGISTRY))
@settings(max_examples=15)
@given(data=st.data())
def test_every_operation_survives(kind: str, data: st.DataObject) -> None:
    op = data.draw(operations(REGISTRY[kind]))
    graph = Graph("g", {}, (op,), (), ())
    assert parts(read_npz(graph_bytes(graph), "")) == parts(graph)


def test_real_models_survive(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "models").rglob("*.tflite")):
        try:
            graph = load(path, allow_float=True)
        except EdgeqError:
            continue
        data = graph_bytes(graph)
        again = verify(read_npz(data, ""))
        assert graph_text(again) == graph_text(graph), path.name
        assert data == graph_bytes(graph) == graph_bytes(again), path.name
        count += 1
    assert count >= 40


def small() -> Graph:
    """Return a network of one operation."""
    tensors = {name: Tensor(name, (2,), DType.FLOAT32) for name in ("x", "y")}
    return Graph("g", tensors, (Relu(inputs=("x",), outputs=("y",)),), ("x",), ("y",))


def test_numpy_reads_and_writes_the_format(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    constant = Tensor("c", (2, 2), DType.INT32, data=np.arange(4, dtype=np.int32).reshape(2, 2))
    graph = Graph("g", {**small().tensors, "c": constant}, small().ops, ("x",), ("y",))
    path.write_bytes(graph_bytes(graph))
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    assert set(arrays) == {"graph", "constant0"}
    for write in (np.savez, np.savez_compressed):
        write(path, **arrays)
        assert parts(read_npz(path.read_bytes(), "")) == parts(graph)


def test_the_example_of_the_specification_runs(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(graph_bytes(small()))
    blocks = re.findall(r"```python\n(.*?)```", SPEC.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    graph = names["read"](path)
    assert [op["kind"] for op in graph["ops"]] == ["relu"]
    path.write_bytes(b"PK\5\6" + bytes(18))
    with pytest.raises((ValueError, KeyError)):
        names["read"](path)


def test_the_specification_names_every_type() -> None:
    text = SPEC.read_text(encoding="utf-8")
    assert [dtype.value for dtype in DType if f'`"{dtype.value}"`' not in text] == []
    assert "edgeq-graph format, version 1" in text


def test_the_archive_is_plain() -> None:
    with zipfile.ZipFile(io.BytesIO(graph_bytes(small()))) as archive:
        assert [member.filename for member in archive.infolist()] == ["graph.npy"]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_cannot_be_read_back_is_not_written() -> None:
    softmax = Softmax(inputs=("x",), outputs=("y",), beta=float("nan"))
    for op in (softmax, small().ops[0].with_arithmetic(1)):
        with pytest.raises(ModelError):
            graph_bytes(Graph("g", {}, (op,), (), ()))


@pytest.mark.parametrize(
    "name", ["*/", '"', "\n", "\0", "a\\", "??/", "/*", "\x1b[31m", "\u00e9", "\U0001f600"]
)
def test_any_name_survives_and_is_harmless_in_c(name: str) -> None:
    tensors = {key: Tensor(key, (2,), DType.FLOAT32) for key in (name, "y")}
    op = Relu(inputs=(name,), outputs=("y",), source=name)
    again = verify(read_npz(graph_bytes(Graph(name, tensors, (op,), (name,), ("y",))), ""))
    assert again.inputs == (name,)
    comment = comment_text(f"before {again.ops[0].source} after")
    assert comment.isprintable() and comment.isascii()
    assert not re.search(r'\*/|/\*|\\|"|\?\?', comment)


@pytest.mark.parametrize("name", ["*/ int evil; /*", 'a"b\\', "new\nline", "nul\0", "??/", "{{k}}"])
def test_any_name_gives_plain_c(name: str) -> None:
    code = QuantParams.per_tensor(0.5)
    tensors = {key: Tensor(key, (2,), DType.INT8, code) for key in (name, f"{name}y")}
    op = Relu(inputs=(name,), outputs=(f"{name}y",), source=name)
    graph = verify(Graph(name, tensors, (op,), (name,), (f"{name}y",)))
    _, files = api.generate(graph)
    for path, text in files.items():
        if path.endswith((".c", ".h")):
            assert text.isascii() and "\0" not in text and "evil; /*" not in text, path
