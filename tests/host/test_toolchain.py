"""Compilers are found in order, identified, and asked what they accept."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from edgeq.errors import ToolchainError
from edgeq.host.build import build_shared
from edgeq.host.toolchain import (
    HOST_COMPILERS,
    Compiler,
    find_compilers,
    host_compiler,
    identify,
)
from tests.host import tiny


def program(folder: Path, name: str, script: str) -> Path:
    """Write an executable that stands for a compiler."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def ziglang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name that hands its arguments to this machine's compiler."""
    real = host_compiler().command
    package = tmp_path / "site" / "ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import subprocess, sys\n"
        "verb, *arguments = sys.argv[1:]\n"
        "assert verb == 'cc', verb\n"
        "if arguments == ['--version']:\n"
        "    print('clang version 20.1.2')\n"
        "    sys.exit()\n"
        "known = [a for a in arguments if a != '-fno-sanitize=all']\n"
        f"sys.exit(subprocess.call([*{real!r}, *known]))\n"
    )
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package


def test_the_compilers_of_this_machine_work(compiler):
    assert compiler.family in ("gcc", "clang", "zig")
    assert compiler.version
    assert compiler.accepts("-std=c99")
    assert not compiler.accepts("-fno-such-flag-exists")


def test_one_program_under_two_names_is_listed_once(tmp_path):
    program(tmp_path, "gcc", "echo gcc 12.2.0")
    (tmp_path / "cc").symlink_to(tmp_path / "gcc")
    program(tmp_path, "clang", "echo clang version 14")
    found = find_compilers({"PATH": str(tmp_path)})
    assert [(c.family, c.version) for c in found[:2]] == [
        ("gcc", "gcc 12.2.0"),
        ("clang", "clang version 14"),
    ]


@pytest.mark.parametrize("first", range(len(HOST_COMPILERS)))
def test_names_are_tried_in_order(tmp_path, first):
    for name in HOST_COMPILERS[first:]:
        program(tmp_path, name, f"echo {name} 1")
    assert (
        host_compiler(environment={"PATH": str(tmp_path)}).version == f"{HOST_COMPILERS[first]} 1"
    )


def test_cc_comes_first_and_may_have_arguments(tmp_path):
    program(tmp_path, "gcc", "echo gcc 1")
    own = program(tmp_path, "own", 'test "$1" = --mode && test "$2" = --version && echo own 7')
    env = {"PATH": str(tmp_path), "CC": "own --mode"}
    assert host_compiler(environment=env) == Compiler((str(own), "--mode"), "gcc", "own 7")
    assert find_compilers(env)[0].version == "own 7"


def test_a_cc_that_does_not_run_is_an_error_that_names_it(tmp_path):
    program(tmp_path, "gcc", "echo gcc 1")
    env = {"PATH": str(tmp_path), "CC": "missing-cc"}
    with pytest.raises(ToolchainError, match=r"'missing-cc' \(from the environment variable CC\)"):
        host_compiler(environment=env)
    assert [c.version for c in find_compilers(env)][:1] == ["gcc 1"]


def test_a_name_given_beats_cc(tmp_path):
    program(tmp_path, "gcc", "echo gcc 1")
    env = {"PATH": str(tmp_path), "CC": "missing-cc"}
    assert host_compiler("gcc", env).version == "gcc 1"
    with pytest.raises(ToolchainError, match="compiler 'tcc' does not run"):
        host_compiler("tcc", env)


def test_a_compiler_that_fails_is_passed_over(tmp_path):
    program(tmp_path, "gcc", "exit 1")
    program(tmp_path, "clang", "echo clang version 14")
    assert host_compiler(environment={"PATH": str(tmp_path)}).family == "clang"


@pytest.mark.parametrize("command", ((), ("no-such-program",)))
def test_nothing_is_identified_where_nothing_is(command):
    assert identify(command, os.environ) is None


def test_without_a_compiler_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_compilers({"PATH": str(tmp_path)}) == ()
    with pytest.raises(ToolchainError) as caught:
        host_compiler(environment={"PATH": str(tmp_path)})
    for word in ("gcc", "clang", "ziglang"):
        assert word in caught.value.hint


def test_ziglang_is_the_last_resort(tmp_path, ziglang):
    env = {"PATH": str(tmp_path), "PYTHONPATH": str(ziglang.parent)}
    compiler = host_compiler(environment=env)
    assert compiler.command == (sys.executable, "-m", "ziglang", "cc")
    assert (compiler.family, compiler.name) == ("zig", "ziglang")
    program(tmp_path, "clang", "echo clang version 14")
    assert host_compiler(environment=env).family == "clang"
    assert [c.family for c in find_compilers(env)] == ["clang", "zig"]


@pytest.mark.usefixtures("ziglang")
def test_ziglang_can_be_asked_for_and_builds():
    compiler = host_compiler("ziglang")
    assert compiler.flags(("-O2",)) == ("-fno-sanitize=all", "-O2")
    with build_shared(tiny.FILES, "tiny", compiler=compiler, flags=("-std=c99",)) as build:
        assert build.library.stat().st_size > 0


def test_march_native_has_a_substitute_where_it_is_refused(tmp_path):
    refuses = program(
        tmp_path, "refuses", 'for a in "$@"; do test "$a" = -march=native && exit 1; done; exit 0'
    )
    accepts = program(tmp_path, "accepts", "exit 0")
    wanted = ("-O3", "-march=native")
    assert Compiler((str(refuses),), "clang", "1").flags(wanted) == ("-O3", "-mcpu=native")
    assert Compiler((str(accepts),), "clang", "1").flags(wanted) == wanted
