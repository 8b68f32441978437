"""``edgeq verify MODEL.onnx --against onnxruntime``, from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.frontends.onnx.one_quantized import Net, codes


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """Return the file of a layer whose factor is 1/2: every other sum is a tie."""
    net, zero = Net(), np.int8(0)
    code = net.code("x", 1.0, zero)
    net.hold("w", codes(np.random.default_rng(0), np.int8, 4, 2, 1, 1) // np.int8(64))
    net.node("QLinearConv", ["x", *code, "w", *net.code("w", 0.5, zero), *code], "y")
    path = tmp_path / "halves.onnx"
    path.write_bytes(net.file({"x": np.zeros((1, 2, 3, 3), np.int8)}, {"y": np.int8}))
    return path


def test_equal_bits_are_said(edgeq: Command, halves: Path) -> None:
    arguments = ("verify", halves, "--against", "onnxruntime")
    found = edgeq(*arguments, "--json")
    assert (found.code, found.err) == (0, "")
    (against,) = found.json["against"]
    assert found.json["numerics"] == "onnx"
    assert (against["target"], against["passed"], against["runs"]) == ("onnxruntime", True, 4)
    assert (against["golden_values"], against["differing_golden_values"]) == (4 * 36, 0)
    said = edgeq(*arguments)
    assert said.code == 0
    assert "onnxruntime" in said.out and "DIFFERENT" not in said.out


def test_other_bits_are_a_failure_that_names_the_operation(edgeq: Command, halves: Path) -> None:
    found = edgeq("verify", halves, "--against", "onnxruntime", "--numerics", "single")
    assert found.code == 1
    assert "DIFFERENT" in found.out
    where = "the reference differs: run 0, onnxruntime and reference: onnx:node[0] QLinearConv"
    assert where in found.err


@pytest.mark.parametrize("module", ["onnxruntime", "onnx"])
def test_the_extra_is_named_where_a_package_is_absent(
    edgeq: Command, halves: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    found = edgeq("verify", halves, "--against", "onnxruntime")
    assert (found.code, found.out) == (3, "")
    _, hint = found.err.splitlines()
    assert hint == f"  hint: pip install 'edgeq[{module}]'"


def test_a_file_that_the_engine_does_not_read(edgeq: Command, model: Path) -> None:
    found = edgeq("verify", model, "--against", "onnxruntime")
    assert found.code == 2
    assert "onnxruntime runs .onnx files" in found.err
