"""``edgeq inspect`` and ``edgeq convert``: what is in a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeq import frontends
from tests.cli.conftest import Command
from tests.small_networks import MACS, PARAMETERS, model_bytes, network


def test_the_figures_are_those_of_the_model(edgeq: Command, model: Path) -> None:
    facts = edgeq("inspect", model, "--json").json
    port = {"name": "x", "shape": [1, 6, 6, 3], "dtype": "int8", "scale": 0.25, "zero_point": 3}
    assert facts["inputs"] == [port]
    assert facts["outputs"] == [
        {"name": "y", "shape": [1, 5], "dtype": "int8", "scale": 2.0, "zero_point": 0}
    ]
    assert (facts["macs"], facts["parameters"]) == (MACS, PARAMETERS)
    assert facts["ops"] == {"add": 1, "conv2d": 2, "fully_connected": 1}
    assert facts["target"] == "host"
    assert [layer["kind"] for layer in facts["layers"]] == [
        "conv2d", "conv2d", "add", "fully_connected",
    ]  # fmt: skip
    assert sum(layer["parameters"] for layer in facts["layers"]) == PARAMETERS


def test_the_memory_plan_fits_the_arena(edgeq: Command, model: Path) -> None:
    facts = edgeq("inspect", model, "--target", "portable", "--json").json
    buffers = facts["buffers"]
    assert {"x", "a", "b", "c", "y"} <= {buffer["name"] for buffer in buffers}
    assert max(b["offset"] + b["bytes"] for b in buffers) <= facts["arena"]
    spans = {b["name"]: (b["first"], b["last"]) for b in buffers}
    assert spans["x"] == (-1, 0)
    assert spans["a"] == (0, 2)
    assert spans["y"] == (3, 4)
    for layer in range(4):
        live = sum(b["bytes"] for b in buffers if b["first"] < layer < b["last"])
        assert live <= facts["lower_bound"]


def test_the_tables_say_the_same(edgeq: Command, model: Path) -> None:
    text = edgeq("inspect", model).out
    for words in (f"{MACS:,}", f"{PARAMETERS:,}", "int8 1x6x6x3", "op 0 'first'", "memory plan"):
        assert words in text
    assert "\x1b" not in text


def test_a_float_network_has_no_memory_plan(edgeq: Command, floats: Path) -> None:
    facts = edgeq("inspect", floats, "--json").json
    assert (facts["macs"], facts["parameters"]) == (6, 6)
    assert facts["inputs"][0]["scale"] is None
    assert facts["arena"] is None
    assert facts["lower_bound"] is None
    text = edgeq("inspect", floats).out
    assert "float32 1x2" in text
    assert "arena" not in text


@pytest.mark.parametrize("kind", ["model", "floats"])
def test_converting_loses_nothing(
    edgeq: Command, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    source = request.getfixturevalue(kind)
    out = tmp_path / "copy.npz"
    facts = edgeq("convert", source, "-o", out, "--json").json
    copy = frontends.load(out, allow_float=True)
    assert model_bytes(copy) == source.read_bytes()
    assert facts["parameters"] == edgeq("inspect", source, "--json").json["parameters"]


def test_a_failed_conversion_keeps_the_old_file(edgeq: Command, tmp_path: Path) -> None:
    out = tmp_path / "old.npz"
    out.write_bytes(b"precious")
    (tmp_path / "broken.tflite").write_bytes(b"no flatbuffer")
    assert edgeq("convert", tmp_path / "broken.tflite", "-o", out).code == 2
    assert out.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.tflite", "old.npz"]


def test_names_that_a_terminal_would_obey_are_escaped(edgeq: Command, tmp_path: Path) -> None:
    graph = network()
    hostile = replace(graph.ops[0], source="[red]\x1b[2J\r")
    path = tmp_path / "hostile.npz"
    path.write_bytes(model_bytes(graph.with_ops((hostile, *graph.ops[1:]))))
    text = edgeq("inspect", path).out
    assert "[red]\\x1b[2J\\r" in text
    assert not {"\x1b", "\r"} & set(text)
