"""The deepest path through a call graph, and what no compiler knows: assembler and libraries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeq.errors import ToolchainError
from edgeq.host.build import build_objects
from edgeq.host.cross import cross_toolchain
from edgeq.host.figures import stack_figure
from edgeq.host.stack import (
    Function,
    Stack,
    call_graph,
    deepest,
    library_bytes,
    prologue_bytes,
    worst_stack,
)
from edgeq.targets import target
from tests.host import tiny

GRAPH = r"""graph: { title: "src/a.c"
node: { title: "src/a.c:leaf" label: "leaf\nsrc/a.c:3:5\n40 bytes (static)" }
node: { title: "src/a.c:leaf" label: "leaf\nsrc/a.c:3:5\n48 bytes (static)" }
node: { title: "run" label: "run\nsrc/a.c:9:5\n16 bytes (dynamic,bounded)" }
node: { title: "memset" label: "__builtin_memset\n<built-in>" shape : ellipse }
edge: { sourcename: "run" targetname: "src/a.c:leaf" label: "src/a.c:10:3" }
edge: { sourcename: "run" targetname: "memset" }
}
"""
# Calls in every direction that matters: a leaf, a chain, a library, assembler.
DEEP = {
    "src/deep.c": r"""
static __attribute__((noinline)) int leaf(volatile int *x)
{
    volatile int big[100];
    for (int i = 0; i < 100; ++i) {
        big[i] = x[i];
    }
    return big[x[0] & 63];
}
__attribute__((naked, noinline)) static void assembler(int x __attribute__((unused)))
{
    __asm__ volatile("push {r4-r11, lr}\n\tsub sp, #500\n\tadd sp, #500\n\tpop {r4-r11, pc}");
}
int deep_run(volatile int *x);
int deep_run(volatile int *x)
{
    volatile int some[10];
    some[x[0] & 7] = leaf(x);
    assembler(x[1]);
    return some[0] + some[x[1] & 7];
}
"""
}


def function(frame: int, *calls: str) -> Function:
    return Function(frame, frozenset(calls))


def test_call_graphs_are_read() -> None:
    graph = call_graph([GRAPH])
    assert graph == {"src/a.c:leaf": function(48), "run": function(16, "src/a.c:leaf", "memset")}
    assert deepest(graph) == Stack(16 + 48, ("run", "leaf"))
    assert call_graph([]) == {}


def test_the_deepest_path_is_not_the_longest() -> None:
    graph = {
        "run": function(10, "a.c:long", "a.c:deep"),
        "a.c:long": function(1, "a.c:longer"),
        "a.c:longer": function(1, "a.c:longest"),
        "a.c:longest": function(1, "memcpy"),
        "a.c:deep": function(100, "a.c:longest"),
        "alone": function(50),
    }
    found = deepest(graph)
    assert found.path == ("run", "deep", "longest", "memcpy")
    assert found.bytes == 10 + 100 + 1 + library_bytes("memcpy")


def test_calls_through_a_pointer_are_those_of_the_parts_of_layers() -> None:
    graph = {
        "net_run": function(8, "a.c:net_parts"),
        "a.c:net_parts": function(24, "a.c:net_part", "__indirect_call"),
        "a.c:net_part": function(16, "a.c:l00_p0_conv"),
        "a.c:l00_p0_conv": function(400),
    }
    assert deepest(graph).bytes == 8 + 24 + 16 + 400
    # Also where only the pointer leads there.
    graph["a.c:net_parts"] = function(24, "__indirect_call")
    assert deepest(graph).bytes == 8 + 24 + 16 + 400


@pytest.mark.parametrize(
    ("graph", "message"),
    (
        ({"a": function(8, "b"), "b": function(8, "a")}, "'a' is recursive"),
        ({"a": function(8, "src/a.c:gone")}, "'gone' has no frame"),
        ({"a": function(8, "known")}, "'known' has no frame"),
    ),
)
def test_paths_without_a_bound_are_errors(graph: dict[str, Function], message: str) -> None:
    with pytest.raises(ToolchainError, match=message):
        deepest(graph, frozenset(("known",)))


@pytest.mark.parametrize(
    ("frame", "message"),
    (("40 bytes (dynamic)", "without a bound"), ("no figure", "has no frame")),
)
def test_frames_without_a_bound_are_errors(frame: str, message: str) -> None:
    with pytest.raises(ToolchainError, match=message):
        call_graph([GRAPH.replace("40 bytes (static)", frame)])


@pytest.mark.parametrize(
    ("code", "bytes_"),
    (
        ("", 0),
        ("7047 0000", 0),  # bx lr
        ("f0b5 7047", 20),  # push {r4-r7, lr}
        ("10b4 7047", 4),  # push {r4}
        ("2de9f04f 7047", 36),  # push.w {r4-r11, lr}
        ("2de9f04f 2ded108b 8bb0 7047", 144),  # and vpush {d8-d15}; sub sp, #44
        ("8bb0 2de9f04f 7047", 80),
        ("0020 f0b5 7047", 0),  # anything else first
    ),
)
def test_prologues_of_assembler(code: str, bytes_: int) -> None:
    assert prologue_bytes(bytes.fromhex(code)) == bytes_


def test_libraries_take_little() -> None:
    assert library_bytes("memcpy") == library_bytes("__aeabi_lmul") == 32
    assert library_bytes("__aeabi_fdiv") == library_bytes("__mulsf3") == 48
    assert library_bytes("__aeabi_ddiv") == library_bytes("anything_else") == 80


@pytest.mark.parametrize("name", ("cortex-m4", "cortex-m55"))
def test_assembler_counts(name: str) -> None:
    chosen = target(name)
    found = stack_figure(DEEP, "deep", chosen)
    assert "gcc" in found.lines[0] and "-O2" in found.lines[0]
    assert found.lines[1] == "deep_run, assembler"
    assert 36 + 500 + 40 < found.bytes < 36 + 500 + 40 + 64


def test_a_compiler_without_call_graphs_has_a_bound_by_levels() -> None:
    tools = cross_toolchain(target("cortex-m4"))
    with build_objects(DEEP, compiler=tools.compiler, flags=tools.flags) as built:
        exact = worst_stack(built.call_graphs, built.stack_usage, built.objects)
        levels = worst_stack((), built.stack_usage, built.objects)
    assert exact == Stack(exact.bytes, ("deep_run", "assembler"))
    assert levels.path == () and levels.bytes >= exact.bytes


def test_without_a_compiler_there_is_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shutil.which("arm-none-eabi-gcc")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match="no compiler found"):
        stack_figure(tiny.FILES, "tiny", target("cortex-m0"))
