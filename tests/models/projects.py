"""Generated projects on disk, each made once for all workers of a test run, and their compilers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import edgeq
from edgeq.emit.names import c_identifier
from tests.models.catalogue import Model

WARNINGS = ("-std=c99", *"-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror".split())
INCLUDE = ("-Iinclude", "-Isrc", "-Itest")
SANITIZE = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILERS = ("gcc", "clang")


@dataclass(frozen=True, slots=True)
class Project:
    """A generated folder; ``name`` is the prefix of its C names. Sources are relative paths."""

    root: Path
    name: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Return what a user compiles."""
        return tuple(sorted(path.relative_to(self.root).as_posix() for path in self._c_files()))

    @property
    def self_test(self) -> tuple[str, ...]:
        """Return the sources of the self-test, which includes the code of the network."""
        return (f"src/{self.name}_weights.c", "test/selftest.c")

    def _c_files(self) -> Iterator[Path]:
        return self.root.glob("src/*.c")


def projects_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "projects"
    folder.mkdir(exist_ok=True)
    return folder


def project(folder: Path, model: Model) -> Project:
    """Return the project of a model for the portable target, generating it when it is not there."""
    name = c_identifier(model.stem)
    root = folder / name
    with _locked(folder / f"{name}.lock"):
        done = folder / f"{name}.done"
        if not done.exists():
            _, files = edgeq.generate(edgeq.load(model.path), target="portable", name=name)
            write(root, files.items())
            done.touch()
    return Project(root, name)


def write(root: Path, files: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> None:
    """Write files below a folder."""
    for path, text in files:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")


def need(tool: str) -> str:
    """Return the path of a program; skip the test where it is not installed."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path


def run(command: Sequence[str], where: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and return what it printed."""
    return subprocess.run(
        command, cwd=where, capture_output=True, text=True, errors="replace", check=False
    )


def build(compiler: str, where: Path, *arguments: str) -> None:
    """Run a compiler in a folder; fail with its messages."""
    done = run((need(compiler), *arguments), where)
    assert done.returncode == 0 and done.stderr == "", done.stderr[:4000]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
