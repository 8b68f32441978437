"""Targets without an operating system: start-up code, what stands in for a C library, faults."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq import api, reference
from edgeq.emit.project import sources
from edgeq.emit.runner import linker_script
from edgeq.errors import ToolchainError, VerifyError
from edgeq.host.build import build_shared
from edgeq.host.cross import cross_toolchain
from edgeq.host.machine import port_flags
from edgeq.host.runners import compiled_for
from edgeq.host.toolchain import host_compiler
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, Target, target
from tests import small_networks
from tests.host import tiny
from tests.models.projects import WARNINGS, need
from tests.style.sources import ROOT

PORT = runtime_dir() / "port"
BARE = [each for each in TARGETS.values() if each.port != "hosted"]
BOARDS = [each for each in BARE if each.board]
# One of each instruction set.
DISTINCT = [target(name) for name in ("cortex-m0", "cortex-m4", "cortex-m55", "riscv32")]
OVERFLOW = r"will not fit in region `(CODE|LARGE)'|region `(CODE|LARGE)' overflowed"
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


def bare(files: Mapping[str, str]) -> dict[str, str]:
    """Return files without the header of a C library, which need not be there."""
    return {**files, "src/tiny.c": files["src/tiny.c"].replace("#include <time.h>\n", "")}


@pytest.mark.parametrize(
    ("statement", "message"),
    (
        ("ctx->arena[TINY_ARENA_BYTES] = 0;", "its arena of 64 bytes, at offset 64"),
        ("ctx->arena[-1] = 0;", "its arena of 64 bytes, at offset -1"),
        ("((char *)ctx->output[0])[20] = 0;", "output 'scaled' of 16 bytes, at offset 20"),
        ("((char *)ctx->input[1])[-4096] = 0;", "input 'b' of 8 bytes, at offset -4096"),
        ("((char *)ctx->input[0])[4] = 0;", "input 'a' of 4 bytes, at offset 4"),
    ),
)
@pytest.mark.parametrize("target", DISTINCT, ids=names)
def test_writes_outside_the_networks_memory_are_seen(
    target: Target, statement: str, message: str
) -> None:
    files = bare(tiny.misbehaving(statement.replace("(char *)", "(char *)(uintptr_t)")))
    bad = compiled_for(tiny.PROGRAM, files, tiny.TENSORS, target)
    for method in (bad, bad.tensors):
        with pytest.raises(VerifyError, match=f"wrote outside {message}$") as caught:
            method(A, B)
        assert caught.value.where == "tiny"


@pytest.mark.parametrize("target", DISTINCT, ids=names)
def test_an_arena_that_is_too_small_is_seen(target: Target) -> None:
    graph = small_networks.network()
    lowered = api.lower(graph)
    program = api.program_of(graph, lowered, target)
    inputs = reference.sample_inputs(graph)
    for missing in (0, program.arena // 2):
        short = replace(program, arena=program.arena - missing)
        compiled = compiled_for(short, sources(short), lowered.tensors, target)
        if missing:
            with pytest.raises(VerifyError, match=f"outside its arena of {short.arena} bytes"):
                compiled(*inputs)
        else:
            np.testing.assert_array_equal(compiled(*inputs), reference.run(lowered, inputs)[0])


@pytest.mark.parametrize("target", BOARDS, ids=names)
def test_code_that_faults_is_an_error(target: Target) -> None:
    files = bare(tiny.misbehaving("((void (*)(void))0xf0000001)();"))
    bad = compiled_for(tiny.PROGRAM, files, tiny.TENSORS, target)
    with pytest.raises(ToolchainError, match="tiny on qemu-system-arm: fault"):
        bad(A, B)


@pytest.mark.parametrize(("unit", "bytes_"), (("large", 1 << 23), ("large_weights", 1 << 25)))
def test_a_network_larger_than_the_board_is_an_error(unit: str, bytes_: int) -> None:
    array = f"const char large[{bytes_}] = {{1}};\n"
    large = bare(tiny.FILES) | {f"src/{unit}.c": array}
    kept = large["src/tiny.c"] + "extern const char large[];\nconst char *keep(void);\n"
    large["src/tiny.c"] = kept + "const char *keep(void) { return large; }\n"
    bad = compiled_for(tiny.PROGRAM, large, tiny.TENSORS, target("cortex-m4"))
    with pytest.raises(ToolchainError, match=OVERFLOW):
        bad.build()


def test_linker_scripts_have_the_boards_memory() -> None:
    script = linker_script(target("cortex-m33"))
    assert "VECTORS (rx) : ORIGIN = 0x10000000" in script
    assert "DATA (rwx) : ORIGIN = 0x38000000, LENGTH = 0x400000" in script
    assert "LARGE (rw) : ORIGIN = 0x80000000, LENGTH = 0x1000000" in script
