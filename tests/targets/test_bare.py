"""Targets without an operating system: start-up code, what stands in for a C library, faults."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.emit.runner import linker_script
from edgeq.errors import ToolchainError
from edgeq.host.build import build_shared
from edgeq.host.cross import cross_toolchain
from edgeq.host.machine import port_flags
from edgeq.host.runners import compiled_for
from edgeq.host.toolchain import host_compiler
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, Target, target
from tests.host import tiny
from tests.models.projects import WARNINGS, need
from tests.style.sources import ROOT

PORT = runtime_dir() / "port"
BARE = [each for each in TARGETS.values() if each.port != "hosted"]
BOARDS = [each for each in BARE if each.board]
OVERFLOW = r"will not fit in region `CODE'|region `CODE' overflowed"
NAMES = ("memcpy", "memmove", "memset", "strcmp", "strlen")
A = np.array([1, -2, 3, 127], np.int8)
B = np.array([[10, 20], [-300, 4000]], np.int16)


def names(target: Target) -> str:
    return target.name


@pytest.mark.parametrize("target", BARE, ids=names)
def test_the_port_is_clean_c99(target: Target, tmp_path: Path) -> None:
    tools = cross_toolchain(target)
    flags = (*WARNINGS[1:], *tools.flags, *port_flags(target, str(PORT)))
    for name in (f"{target.port}.c", "string.c"):
        command = (*tools.compiler.command, *flags, "-c", str(PORT / name), "-o", "port.o")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", sorted(PORT.iterdir()), ids=lambda path: path.name)
def test_the_port_is_formatted(path: Path) -> None:
    style = f"--style=file:{ROOT / '.clang-format'}"
    command = (need("clang-format"), style, "--dry-run", "--Werror", str(path))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def functions():
    """Return the project's string functions under other names, built for this machine."""
    text = "".join(f"#define {name} edgeq_{name}\n" for name in NAMES)
    text += (PORT / "string.c").read_text(encoding="utf-8").replace("<string.h>", '"string.h"')
    header = (PORT / "string.h").read_text(encoding="utf-8")
    files = {"src/words.c": text, "src/string.h": header}
    flags = ("-O2", "-std=c99")
    with build_shared(files, "words", compiler=host_compiler(None), flags=flags) as build:
        yield ctypes.CDLL(str(build.library))


@given(st.integers(0, 90), st.integers(0, 7), st.integers(0, 7), st.integers(0, 255))
def test_memory_functions(functions, size: int, to: int, start: int, value: int) -> None:
    source = np.random.default_rng(size).integers(0, 256, 128, dtype=np.uint8)
    target = np.zeros(128, np.uint8)
    pointer = target.ctypes.data + to
    functions.edgeq_memcpy(
        ctypes.c_void_p(pointer), ctypes.c_void_p(source.ctypes.data + start), size
    )
    expected = np.zeros(128, np.uint8)
    expected[to : to + size] = source[start : start + size]
    np.testing.assert_array_equal(target, expected)
    functions.edgeq_memset(ctypes.c_void_p(pointer), value, size)
    expected[to : to + size] = value
    np.testing.assert_array_equal(target, expected)
    # Memory that overlaps, both ways.
    for one, other in ((to, start + 3), (start + 3, to)):
        moved = source.copy()
        moved[one : one + size] = source[other : other + size]
        base = source.ctypes.data
        functions.edgeq_memmove(ctypes.c_void_p(base + one), ctypes.c_void_p(base + other), size)
        np.testing.assert_array_equal(source, moved)


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_text_functions(functions, a: bytes, b: bytes) -> None:
    a, b = a.replace(b"\0", b""), b.replace(b"\0", b"")
    order = functions.edgeq_strcmp(a, b)
    assert (order > 0) - (order < 0) == (a > b) - (a < b)
    assert functions.edgeq_strlen(a) == len(a)


@pytest.mark.parametrize("target", BOARDS, ids=names)
def test_code_that_faults_is_an_error(target: Target) -> None:
    files = tiny.misbehaving("((void (*)(void))0xf0000001)();")
    bad = compiled_for(tiny.PROGRAM, files, tiny.TENSORS, target)
    with pytest.raises(ToolchainError, match="tiny on qemu-system-arm: fault"):
        bad(A, B)


def test_a_network_larger_than_the_board_is_an_error() -> None:
    large = tiny.FILES | {"src/large.c": "const char large[1 << 23] = {1};\n"}
    kept = large["src/tiny.c"] + "extern const char large[];\nconst char *keep(void);\n"
    large["src/tiny.c"] = kept + "const char *keep(void) { return large; }\n"
    bad = compiled_for(tiny.PROGRAM, large, tiny.TENSORS, target("cortex-m4"))
    with pytest.raises(ToolchainError, match=OVERFLOW):
        bad.build()


def test_linker_scripts_have_the_boards_memory() -> None:
    script = linker_script(target("cortex-m33"))
    assert "VECTORS (rx) : ORIGIN = 0x10000000" in script
    assert "DATA (rwx) : ORIGIN = 0x38000000, LENGTH = 0x400000" in script
