"""``edgeq compile``: what it writes, prints, and leaves alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgeq import api
from tests.cli.conftest import Command
from tests.small_networks import MACS


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_the_folder_holds_what_the_api_generates(
    edgeq: Command, model: Path, tmp_path: Path
) -> None:
    result = edgeq("compile", model, "-o", tmp_path / "new" / "out")
    assert (result.code, result.err) == (0, "")
    _, files = api.generate(api.load(model), "portable")
    written = tree(tmp_path / "new" / "out")
    written.pop(".edgeq.json")
    assert written == {path: text.encode() for path, text in files.items()}


def test_the_project_compiles_as_its_readme_says(
    edgeq: Command, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert edgeq("compile", model, "-o", out, "--name", "Key Words", "-q").out == ""
    sources = ["src/key_words_weights.c", "test/selftest.c"]
    command = ["cc", "-std=c99", "-O1", "-Iinclude", "-Isrc", *sources]
    subprocess.run([*command, "-Itest", "-o", "selftest"], cwd=out, check=True)
    subprocess.run(["./selftest"], cwd=out, check=True, stdout=subprocess.DEVNULL)
    assert (out / "include" / "key_words.h").is_file()


def test_the_same_model_gives_the_same_bytes(edgeq: Command, model: Path, tmp_path: Path) -> None:
    edgeq("compile", model, "-o", tmp_path / "one")
    edgeq("compile", model, "-o", tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_the_summary_has_the_figures(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = edgeq("compile", model, "-o", out, "--json").json
    assert facts["target"] == "portable"
    assert facts["macs"] == MACS
    assert facts["layers"] == 4
    assert facts["arena"] >= facts["lower_bound"] > 0
    assert set(facts["files"]) == set(tree(out)) - {".edgeq.json"}
    text = edgeq("compile", model, "-o", out).out
    for figure in (f"{MACS:,}", f"{facts['arena']:,} bytes", f"{facts['flash_data']:,} bytes"):
        assert figure in text


def test_dump_ir_prints_every_intermediate(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = edgeq("compile", model, "-o", out, "--dump-ir").out
    stages = [line[3:] for line in text.splitlines() if line.startswith("-- ")]
    assert stages[0] == "read"
    assert stages[-2:] == ["lower_arithmetic", "program"]
    assert "op conv2d(x, first_weights, first_bias)" in text
    dumped = edgeq("compile", model, "-o", out, "--dump-ir", "--json").json["ir"]
    assert [stage["stage"] for stage in dumped] == stages
    assert dumped[-1]["text"] in text


def test_files_of_others_stay_and_old_ones_of_ours_go(
    edgeq: Command, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    edgeq("compile", model, "-o", out, "--name", "old")
    (out / "notes.txt").write_text("mine")
    (out / "src" / "board.c").write_text("also mine")
    (out / "src" / "old_weights.h").write_text("edited")
    assert edgeq("compile", model, "-o", out, "--name", "fresh").code == 0
    files = tree(out)
    assert files["notes.txt"] == b"mine"
    assert files["src/board.c"] == b"also mine"
    assert files["src/old_weights.h"] == b"edited"
    assert "src/fresh.c" in files
    assert not {"src/old.c", "include/old.h", "src/old_weights.c"} & set(files)


def test_nothing_is_written_over_files_of_others(
    edgeq: Command, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("my project")
    result = edgeq("compile", model, "-o", out)
    assert result.code == 2
    assert "'README.md' is in the way" in result.err
    assert tree(out) == {"README.md": b"my project"}


@pytest.mark.parametrize("out", ["small.npz", "small.npz/out"])
def test_a_folder_that_cannot_be_written(
    edgeq: Command, model: Path, tmp_path: Path, out: str
) -> None:
    before = tree(tmp_path)
    result = edgeq("compile", model, "-o", tmp_path / out)
    assert (result.code, result.out) == (2, "")
    assert str(tmp_path / out) in result.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--target", "portabel"), 2, ("unknown target 'portabel'", "did you mean 'portable'?")),
        (("--target", "z80"), 2, ("unknown target 'z80'", "host, portable")),
        (("--numerics", "gemlowp"), 2, ("profile 'gemlowp'", "did you mean 'gemmlowp'?")),
        (("--numerics", "?"), 2, ("profile '?'", "tflite-ref")),
    ],
)
def test_a_wrong_option_names_the_right_ones(
    edgeq: Command,
    model: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    words: tuple[str, ...],
) -> None:
    result = edgeq("compile", model, "-o", tmp_path / "out", *arguments)
    assert result.code == code
    assert all(word in result.err for word in words)
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]


def test_a_float_network_is_not_supported(edgeq: Command, floats: Path, tmp_path: Path) -> None:
    result = edgeq("compile", floats, "-o", tmp_path / "out")
    assert (result.code, result.out) == (3, "")
    assert str(floats) in result.err
    assert "op 0 'dense'" in result.err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_model(edgeq: Command, tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    for name in ("arrays.npz", "missing.npz", "model.h5"):
        result = edgeq("compile", tmp_path / name, "-o", tmp_path / "out")
        assert (result.code, result.out) == (2, "")
        assert name in result.err
        assert "Traceback" not in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["arrays.npz"]


def test_code_can_be_optimized_for_size(edgeq: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = edgeq("compile", model, "-o", out, "--optimize", "size", "--json").json
    assert facts["optimize"] == "size"
    _, files = api.generate(api.load(model), "portable", optimize="size")
    assert tree(out)["src/small.c"] == files["src/small.c"].encode()
    assert '"optimize": "size"' in files["manifest.json"]
    assert "CFLAGS ?= -Os\n" in files["Makefile"]
    text = edgeq("compile", model, "-o", out, "--optimize", "size").out
    assert "portable, optimized for size" in text


def test_an_optimization_that_does_not_exist(edgeq: Command, model: Path, tmp_path: Path) -> None:
    for command in (("compile", "-o", tmp_path / "out"), ("verify",), ("bench",), ("inspect",)):
        name, *rest = command
        result = edgeq(name, model, *rest, "--optimize", "sise")
        assert result.code == 2
        assert "cannot optimize for 'sise'" in result.err
        assert "did you mean 'size'?" in result.err
