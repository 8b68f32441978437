"""``--arena``: named memories in all that is written and shown; exit 2 and 4."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

# Each holds the largest tensor of the small network, and no single one all that is alive at once.
MEMORIES = "dtcm=256,sram=1K"


def test_compile_writes_and_shows_the_regions(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = edgeq("compile", model, "-o", out, "--arena", MEMORIES)
    assert result.code == 0
    facts = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    first, second = facts["regions"]
    assert (first["name"], first["limit"]) == ("dtcm", 256)
    assert (second["name"], second["limit"]) == ("sram", 1024)
    assert 0 < first["bytes"] <= 256
    assert 0 < second["bytes"] <= 1024
    assert facts["arena"] == first["bytes"] + second["bytes"]
    assert {port["region"] for port in facts["inputs"] + facts["outputs"]} <= {"dtcm", "sram"}
    assert f"arena in dtcm  {first['bytes']:,} bytes of 256 bytes" in result.out
    readme = (out / "README.md").read_text(encoding="utf-8")
    assert f"| arena in `sram` (RAM) | {second['bytes']} of 1024 bytes, aligned to 8 |" in readme
    assert "lower bound" not in readme


def test_inspect_shows_what_lies_where(edgeq: Command, model: Path) -> None:
    facts = edgeq("inspect", model, "-t", "portable", "--arena", MEMORIES, "--json").json
    assert [region["name"] for region in facts["regions"]] == ["dtcm", "sram"]
    regions = [buffer["region"] for buffer in facts["buffers"]]
    assert set(regions) == {"dtcm", "sram"} and regions == sorted(regions)
    for region in facts["regions"]:
        inside = [b for b in facts["buffers"] if b["region"] == region["name"]]
        ends = [b["offset"] + b["bytes"] for b in inside]
        assert region["bytes"] - 8 < max(ends) <= region["bytes"] <= region["limit"]
    text = edgeq("inspect", model, "-t", "portable", "--arena", MEMORIES).out
    assert "arena in sram" in text
    assert "input0 in " in text
    plain = edgeq("inspect", model, "--json").json
    assert [(r["name"], r["limit"]) for r in plain["regions"]] == [("arena", None)]


def test_verify_runs_in_the_regions(edgeq: Command, model: Path) -> None:
    arguments = ("verify", model, "--arena", MEMORIES, "-t", "portable", "-t", "cortex-m4")
    assert edgeq(*arguments).code == 0


@pytest.mark.parametrize("command", ["compile", "inspect", "verify"])
@pytest.mark.parametrize("text", ["sram", "sram=0", "sram=1K,sram=2K", "s-ram=1K", ""])
def test_mistakes_are_bad_usage(
    edgeq: Command, model: Path, tmp_path: Path, command: str, text: str
) -> None:
    out = ("-o", tmp_path / "out") if command == "compile" else ()
    result = edgeq(command, model, *out, f"--arena={text}")
    assert result.code == 2
    assert result.err.startswith("edgeq: arena: ")
    assert not (tmp_path / "out").exists()


TOO_SMALL = {
    "dtcm=64,sram=100": "has 288 bytes, and the largest memory, 'sram', 100: 188 short",
    "sram=300": "op 0 'first' needs 512 bytes at once, 212 more than 'sram' (300) have: most in",
}


@pytest.mark.parametrize("text", TOO_SMALL)
def test_memories_that_are_too_small_are_over_budget(
    edgeq: Command, model: Path, tmp_path: Path, text: str
) -> None:
    result = edgeq("compile", model, "-o", tmp_path / "out", "--arena", text)
    assert result.code == 4
    assert str(model) in result.err
    assert TOO_SMALL[text] in result.err
    assert not (tmp_path / "out").exists()
