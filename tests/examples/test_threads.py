"""The example of several threads: clean under warnings, without data races, the same bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import edgeq
from tests.models.projects import COMPILERS, WARNINGS, build, run, write
from tests.style.sources import ROOT

FOLDER = ROOT / "examples" / "threads"
MODEL = ROOT / "examples" / "digits" / "digits.npz"
POSIX = ("-D_POSIX_C_SOURCE=199309L", "-pthread")


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The digits are little work: cut it all the same.
    monkeypatch.setattr("edgeq.plan.pieces.LEAST_MACS", 1)
    monkeypatch.setattr("edgeq.plan.pieces.LEAST_ELEMENTS", 1)
    program, files = edgeq.generate(edgeq.load(MODEL), name="net", threads=4)
    assert program.threads == 4
    write(tmp_path, files.items())
    return tmp_path


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_it_runs_without_races(generated: Path, compiler: str, sanitizer: str) -> None:
    flags = (*WARNINGS, *POSIX, "-O1", f"-fsanitize={sanitizer}", "-Iinclude", "-Isrc")
    sources = (str(FOLDER / "main.c"), str(FOLDER / "pool.c"), "src/net.c", "src/net_weights.c")
    build(compiler, generated, *flags, *sources, "-o", "threads")
    done = run(("./threads",), generated)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:2000]
    assert done.stdout.splitlines()[-1] == "the same output every time"


def test_the_self_test_runs_the_parts(generated: Path) -> None:
    done = run(("make", "test"), generated)
    assert done.returncode == 0, done.stderr
    assert "ok: net, " in done.stdout


def test_its_makefile_builds_it(generated: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    write(copy, [(p.name, p.read_text(encoding="utf-8")) for p in FOLDER.iterdir() if p.is_file()])
    done = subprocess.run(
        ("make", "run", f"NET={generated}"), cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "4 threads: " in done.stdout
