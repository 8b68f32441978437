"""Cross compilers are tried in order, and only those that build a program are taken."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from edgeq.errors import ToolchainError
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.targets import target
from tests.host.test_toolchain import program

AARCH64 = target("aarch64")
GCC, CLANG, ZIG = (" ".join(compiler.command) for compiler in AARCH64.compilers)
# Answers --version, and builds nothing.
BROKEN = 'test "$1" = --version -o "$2" = --version && echo {0} 1 && exit; echo {1} >&2; exit 1'


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment without compilers, and this Python without ``ziglang``."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return {"PATH": str(tmp_path)}


def test_the_first_that_works_is_taken(nowhere: dict[str, str], tmp_path: Path) -> None:
    assert cross_toolchain(AARCH64).compiler.family == "gcc"
    program(tmp_path, GCC, BROKEN.format("gcc", "cannot find -lc"))
    program(tmp_path, "clang", "echo clang version 14")
    found = cross_toolchain(AARCH64, environment=nowhere)
    assert found.compiler.command == (str(tmp_path / "clang"), "--target=aarch64-linux-gnu")
    assert found.flags == AARCH64.flags


def test_what_is_here_and_does_not_work_is_explained(
    nowhere: dict[str, str], tmp_path: Path
) -> None:
    program(tmp_path, GCC, BROKEN.format("gcc", "ld: cannot find -lc"))
    program(tmp_path, "clang", BROKEN.format("clang", "probe.c:1:10: error: no stdio.h"))
    with pytest.raises(ToolchainError) as caught:
        cross_toolchain(AARCH64, environment=nowhere)
    assert caught.value.what == (
        f"{GCC} does not work: ld: cannot find -lc; "
        f"{CLANG} does not work: probe.c:1:10: error: no stdio.h"
    )
    assert caught.value.where == "target 'aarch64'"
    assert "gcc-aarch64-linux-gnu libc6-dev-arm64-cross" in caught.value.hint


def test_a_failure_is_not_remembered(nowhere: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path, GCC, BROKEN.format("gcc", "no library"))
    with pytest.raises(ToolchainError):
        cross_toolchain(AARCH64, environment=nowhere)
    program(tmp_path, GCC, "echo gcc 1")
    assert cross_toolchain(AARCH64, environment=nowhere).compiler.version == "gcc 1"


def test_a_compiler_can_be_named(nowhere: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path, "own", "echo own 7")
    found = cross_toolchain(AARCH64, "own --sysroot=x", nowhere)
    assert found.compiler.command == (str(tmp_path / "own"), "--sysroot=x")
    with pytest.raises(ToolchainError, match=r"no compiler found \(missing-cc\)"):
        cross_toolchain(AARCH64, "missing-cc", nowhere)


def test_ziglang_is_the_last_resort_and_has_a_spelling_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("print('clang version 20')\n")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    env = {"PATH": str(tmp_path), "PYTHONPATH": str(package.parent)}
    found = cross_toolchain(AARCH64, environment=env)
    assert found.compiler.command == (sys.executable, "-m", *ZIG.replace(" ", " cc ", 1).split())
    assert "-mcpu=cortex_a53" in found.flags
    assert not any(flag.startswith("-march") for flag in found.flags)
    hard = cross_toolchain(target("armv7-neon"), environment=env)
    assert not any(flag.startswith(("-march", "-mfpu", "-mfloat-abi")) for flag in hard.flags)


def test_an_emulator_is_found_with_its_processor(tmp_path: Path) -> None:
    path = shutil.which("qemu-aarch64")
    assert find_emulator(AARCH64) == (path, "-cpu", "cortex-a53")
    with pytest.raises(ToolchainError, match="target 'aarch64': emulator 'qemu-aarch64' not found"):
        find_emulator(AARCH64, {"PATH": str(tmp_path)})
