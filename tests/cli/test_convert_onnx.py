from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.frontends import load
from tests.cli.conftest import Command
from tests.frontends.onnx.one_model import kinds, model, node, values


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return the file of a float network in ONNX."""
    path = tmp_path / "net.onnx"
    nodes = [node("Conv", "x w", "a"), node("Relu", "a")]
    path.write_bytes(model(nodes, {"x": (1, 4, 5, 6)}, {"w": values(3, 4, 2, 2)}))
    return path


def test_inspect(edgeq: Command, network: Path) -> None:
    found = edgeq("inspect", network)
    assert found.code == 0 and "conv2d" in found.out


@pytest.mark.parametrize("nhwc", [False, True])
def test_convert(edgeq: Command, network: Path, tmp_path: Path, nhwc: bool) -> None:
    out = tmp_path / "net.npz"
    found = edgeq("convert", network, "-o", out, *(["--nhwc"] if nhwc else []))
    assert found.code == 0
    graph = load(out, allow_float=True)
    assert graph.tensors["x"].shape == ((1, 5, 6, 4) if nhwc else (1, 4, 5, 6))
    assert ("transpose" in kinds(graph)) is not nhwc


def test_compiling_it_says_what_to_do(edgeq: Command, network: Path, tmp_path: Path) -> None:
    found = edgeq("compile", network, "-o", tmp_path / "out")
    assert found.code == 3
    assert "net.onnx" in found.err and "quantize it first" in found.err
