"""The stack in the header: a bound that needs no compiler, or the figure of one that is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgeq.targets import target as find_target
from tests.cli.conftest import Command

STATED = re.compile(r"/\* The most stack (.*?) \*/\n#define SMALL_STACK_BYTES (\d+)\n", re.S)


def stated(out: Path) -> tuple[str, int]:
    """Return the comment and the figure of the header."""
    header = next(out.glob("include/*.h")).read_text(encoding="utf-8")
    found = STATED.search(header)
    assert found
    return found[1], int(found[2])


def compiled(edgeq: Command, model: Path, out: Path, *options: str) -> dict[str, object]:
    result = edgeq("compile", model, "-o", out, "--name", "small", "--json", *options)
    assert result.code == 0, result.err
    return result.json


@pytest.mark.parametrize("name", ["portable", "cortex-m0", "cortex-m4", "cortex-m55", "riscv32"])
def test_the_bound_or_the_compilers_figure(
    edgeq: Command, model: Path, tmp_path: Path, name: str
) -> None:
    facts = compiled(edgeq, model, tmp_path / "bound", "-t", name)
    comment, bound = stated(tmp_path / "bound")
    assert (facts["stack"], facts["stack_of"]) == (bound, [])
    assert bound == find_target(name).stack and "flags of this target" in comment
    facts = compiled(edgeq, model, tmp_path / "figure", "-t", name, "--measure-stack")
    comment, figure = stated(tmp_path / "figure")
    manifest = json.loads((tmp_path / "figure" / "manifest.json").read_text(encoding="utf-8"))
    for found in (facts, manifest):
        assert (found["stack"], len(found["stack_of"])) == (figure, 2)
        assert all(line in comment for line in found["stack_of"])
    assert 0 < figure <= bound
    assert "gcc" in comment and "-O2" in comment and "small_run, small_run_layer" in comment


def test_everything_but_the_stack_is_the_same(edgeq: Command, model: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        options = () if name == "one" else ("--measure-stack",)
        compiled(edgeq, model, tmp_path / name, "-t", "cortex-m4", *options)
    trees = [
        {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two", "three")
    ]
    assert trees[1] == trees[2]
    differing = {path for path in trees[0] if trees[0][path] != trees[1][path]}
    assert differing == {"include/small.h", "README.md", "manifest.json", ".edgeq.json"}


def test_without_a_compiler_nothing_is_written(
    edgeq: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ("compile", model, "-o", tmp_path / "out", "-t", "cortex-m4", "--measure-stack")
    result = edgeq(*arguments)
    assert result.code == 2 and "no compiler found" in result.err
    assert not (tmp_path / "out").exists()


def test_the_budget_counts_the_figure(edgeq: Command, model: Path, tmp_path: Path) -> None:
    facts = compiled(edgeq, model, tmp_path / "one", "-t", "cortex-m4", "--measure-stack")
    ram = facts["arena"] + facts["stack"] + 4 * (1 + 2)
    limit = ("-t", "cortex-m4", "--max-ram", str(ram))
    assert edgeq("compile", model, "-o", tmp_path / "no", *limit).code == 4
    compiled(edgeq, model, tmp_path / "two", *limit, "--measure-stack")


@pytest.mark.parametrize("name", ["cortex-m4", "riscv32", "aarch64"])
def test_a_benchmark_shows_the_stack_of_a_run(edgeq: Command, model: Path, name: str) -> None:
    facts = edgeq("bench", model, "-t", name, "--json").json
    assert 0 < facts["stack_painted"] <= facts["stack"] <= find_target(name).stack
    assert facts["stack_path"][0].endswith("_run")
    text = edgeq("bench", model, "-t", name).out
    assert f"of which a run took {facts['stack_painted']:,}" in text
    assert all(function in text for function in facts["stack_path"])
