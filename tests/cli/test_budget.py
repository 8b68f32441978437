"""``--max-ram`` and ``--max-flash``: exit 4, the layers to blame, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeq import api
from edgeq.errors import EdgeqError
from edgeq.memories import size
from edgeq.report import budget
from edgeq.targets import target as find_target
from tests import small_networks
from tests.cli.conftest import Command


def test_what_fits_is_written(edgeq: Command, model: Path, tmp_path: Path) -> None:
    limits = ("--max-ram", "64K", "--max-flash", "1M")
    assert edgeq("compile", model, "-o", tmp_path / "out", *limits).code == 0
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_the_limits_are_exact(edgeq: Command, model: Path, tmp_path: Path) -> None:
    edgeq("compile", model, "-o", tmp_path / "one")
    facts = json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8"))
    ram = facts["arena"] + facts["stack"] + 4 * (1 + 2)
    assert edgeq("compile", model, "-o", tmp_path / "two", "--max-ram", str(ram)).code == 0
    result = edgeq("compile", model, "-o", tmp_path / "no", "--max-ram", str(ram - 1))
    assert result.code == 4
    assert f"it needs {ram:,} bytes of RAM, 1 more than {ram - 1:,}" in result.err
    assert str(model) in result.err


@pytest.mark.parametrize("target", ["portable", "cortex-m4"])
def test_too_much_flash_names_the_largest_layers(
    edgeq: Command, model: Path, tmp_path: Path, target: str
) -> None:
    arguments = ("compile", model, "-o", tmp_path / "out", "--target", target)
    result = edgeq(*arguments, "--max-flash", "1K")
    assert result.code == 4
    assert "of code; most in layer " in result.err
    assert not (tmp_path / "out").exists()


def test_too_much_ram_names_the_arrays(edgeq: Command, model: Path, tmp_path: Path) -> None:
    result = edgeq("compile", model, "-o", tmp_path / "out", "--max-ram", "1K")
    assert result.code == 4
    assert "most in layer " in result.err
    assert not (tmp_path / "out").exists()


def test_code_that_cannot_be_compiled_is_not_counted(
    edgeq: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ("compile", model, "-o", tmp_path / "out", "--target", "cortex-m0")
    result = edgeq(*arguments, "--max-flash", "100")
    assert result.code == 4
    assert "code was not compiled" in result.err


@pytest.mark.parametrize("text", ["", "64Q", "-1", "1.5K", "K"])
def test_sizes_that_are_none(edgeq: Command, model: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(EdgeqError, match="is not a size"):
        size(text)
    result = edgeq("compile", model, "-o", tmp_path / "out", f"--max-ram={text}")
    assert result.code == 2


def test_the_blamed_layer_has_the_most_bytes_alive() -> None:
    graph = small_networks.network()
    lowered = api.lower(graph)
    program = api.program_of(graph, lowered, find_target("portable"))
    found = budget.needs(program, None)
    assert found.flash == found.data == program.data_bytes
    with pytest.raises(EdgeqError, match="most in layer") as caught:
        budget.check_ram(lowered, program, found, 1)
    assert caught.value.exit_code == 4
