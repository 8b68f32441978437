"""Executed instructions: a program of a known number, and what a network's counts become."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import reference
from edgeq.errors import TargetError, ToolchainError
from edgeq.host import plugin as plugin_module
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.host.emulated import Emulated
from edgeq.host.instructions import Instructions, Row, by_layer, plugin_options, read_counts
from edgeq.host.plugin import counting_plugin, plugin_arguments
from edgeq.host.runners import compiled_for
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, target
from tests import small_networks
from tests.host import tiny
from tests.host.test_toolchain import program
from tests.models.projects import WARNINGS, need
from tests.style.sources import ROOT

NAMES = [each.name for each in TARGETS.values() if each.is_emulated]
A = np.array([1, -2, 3, 127], np.int8)
B = np.array([[10, 20], [-300, 4000]], np.int16)

# The loop and its set-up are 3 + 2 * 1000 instructions, the return among them; the call is not.
FRAME = """
.text
.global _start, edgeq_mark, edgeq_marked
.type edgeq_mark, %function
.type edgeq_marked, %function
.type work, %function
.type _start, %function
edgeq_mark: {ret}
.size edgeq_mark, . - edgeq_mark
work: {loop}
    {ret}
_start: bl edgeq_marked
    {exit}
edgeq_marked: {save}
    bl edgeq_mark
    bl work
    bl edgeq_mark
    {restore}
.size edgeq_marked, . - edgeq_marked
"""
A64 = {
    "ret": "ret",
    "loop": "mov x9, #1000\n nop\n1: subs x9, x9, #1\n b.ne 1b",
    "exit": "mov x8, #94\n mov x0, #0\n svc #0",
    "save": "mov x20, x30",
    "restore": "ret x20",
}
A32 = {
    "ret": "bx lr",
    "loop": "movw r3, #1000\n nop\n1: subs r3, r3, #1\n bne 1b",
    "exit": "mov r7, #248\n mov r0, #0\n svc #0",
    "save": "push {r4, lr}",
    "restore": "pop {r4, pc}",
}
HEADS = {"a64": "", "arm": ".syntax unified\n.arm", "thumb": ".syntax unified\n.thumb"}


def assembled(folder: Path, state: str, *more: str) -> tuple[str, Path]:
    """Build the loop; return the target that runs it, and the program."""
    name, lines = ("aarch64", A64) if state == "a64" else ("armv7-neon", A32)
    tools = cross_toolchain(target(name))
    (folder / "loop.s").write_text(HEADS[state] + FRAME.format(**lines))
    flags = [flag for flag in tools.flags if flag.startswith(("-march", "-mf"))]
    command = [
        *tools.compiler.command,
        *flags,
        "-nostdlib",
        "-static",
        *more,
        "loop.s",
        "-o",
        "loop",
    ]
    subprocess.run(command, cwd=folder, check=True)
    return name, folder / "loop"


@pytest.mark.parametrize("state", HEADS)
def test_a_loop_of_known_length(tmp_path: Path, state: str) -> None:
    name, loop = assembled(tmp_path, state)
    emulator = find_emulator(target(name))
    options = (*plugin_options(loop, window=-1), f"out={tmp_path / 'counts'}")
    plugin = counting_plugin(emulator, (str(loop),))
    subprocess.run((*emulator, *plugin_arguments(plugin, options), str(loop)), check=True)
    counts = read_counts((tmp_path / "counts").read_text())
    first, second = counts.marks
    assert second - first == 3 + 2 * 1000
    assert [times for _, times in sorted(counts.addresses.items())] == [1, 1, 1000, 1000, 1]


def network(name: str = "aarch64", files=tiny.FILES, **changes) -> Emulated:
    """Return the tiny model for an emulated processor."""
    chosen = dataclasses.replace(target(name), **changes)
    compiled = compiled_for(tiny.PROGRAM, files, tiny.TENSORS, chosen)
    assert isinstance(compiled, Emulated)
    return compiled


def test_the_counts_of_one_layer_are_its_own() -> None:
    def loop(times: int) -> Instructions:
        statement = (
            f'__asm__ volatile("mov x9, #{times}\\n1: subs x9, x9, #1\\n b.ne 1b":::"x9","cc");'
        )
        return network(files=tiny.misbehaving(f"if (layer == 1) {{ {statement} }}")).instructions(
            A, B
        )

    short, long = loop(1000), loop(3000)
    assert [
        b.instructions - a.instructions for a, b in zip(short.rows, long.rows, strict=True)
    ] == [
        0,
        4000,
        0,
    ]
    assert long.total - short.total == 4000


@pytest.mark.parametrize("name", NAMES)
def test_counts_repeat_exactly(name: str) -> None:
    graph = small_networks.network()
    compiled = edgeq.compile(graph, name)
    inputs = reference.sample_inputs(graph)
    counted = compiled.instructions(*inputs)
    assert counted == compiled.instructions(*inputs)
    assert counted == edgeq.compile(graph, name).instructions(*inputs)
    calls = compiled.program.calls
    assert [row.symbol for row in counted.rows] == [call.symbol for call in calls]
    assert [row.macs for row in counted.rows] == [call.macs for call in calls]
    assert counted.macs == compiled.program.macs > 0
    layers = sum(row.instructions for row in counted.rows)
    # What calls the layers is in the whole, and no more than that.
    assert abs(counted.total - layers) < 60 * len(calls)
    for layer, row in enumerate(counted.rows):
        assert sum(compiled.addresses(layer, *inputs).values()) == row.instructions > 0


def test_the_outputs_are_the_elements_that_a_layer_writes() -> None:
    rows = network().instructions(A, B).rows
    assert [row.outputs for row in rows] == [4, 4, 2]
    assert [(row.macs, row.source) for row in rows][1:] == [
        (4, "op[1] 'scaled'"),
        (8, "op[2] 'places'"),
    ]


@pytest.mark.parametrize("name", ("host", "portable"))
def test_this_machine_cannot_count(name: str) -> None:
    compiled = edgeq.compile(small_networks.network(), name)
    with pytest.raises(TargetError, match=f"cannot be counted for target '{name}'") as caught:
        compiled.instructions(np.zeros((1, 6, 6, 3), np.int8))
    assert "emulated target" in caught.value.hint


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> Emulated:
    """Return the tiny model for an emulator that is a script."""
    find = find_emulator(target("aarch64"))[0]
    program(folder, "qemu-fake", f'real="{find}"\n{lines}')
    monkeypatch.setenv("PATH", f"{folder}:{Path('/usr/bin')}:{Path('/bin')}")
    return network(runner="qemu-fake", runner_arguments=())


def test_an_emulator_without_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = 'case "$*" in *-plugin*) echo "qemu: unknown option \'plugin\'" >&2; exit 1;; esac\n'
    bare = fake(tmp_path, monkeypatch, refusal + 'exec "$real" "$@"')
    bare(A, B)
    with pytest.raises(ToolchainError, match=r"loads no plugin.*unknown option 'plugin'") as caught:
        bare.instructions(A, B)
    assert caught.value.where == str(tmp_path / "qemu-fake")
    assert "static builds have no plugins" in caught.value.hint


def test_an_emulator_that_takes_only_the_newer_interface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_module, "_accepted", {})
    old = 'grep -q qemu_plugin_scoreboard_new "${2%%,*}" && exit 0; echo "API 1 < 2" >&2; exit 1'
    program(tmp_path, "qemu-fake", old)
    emulator = (str(tmp_path / "qemu-fake"),)
    chosen = counting_plugin(emulator, ("x",))
    assert b"qemu_plugin_scoreboard_new" in chosen.read_bytes()
    assert counting_plugin(emulator, ("y",)) == chosen


def test_a_program_that_cannot_be_counted(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no ELF")
    with pytest.raises(ToolchainError, match="cannot read its symbols"):
        plugin_options(text)
    _, loop = assembled(tmp_path, "a64", "-s")
    with pytest.raises(ToolchainError, match="no symbols"):
        plugin_options(loop)
    moved = b"int main(void) { return 0; } void edgeq_mark(void) {} void edgeq_marked(void) {}"
    command = (need("gcc"), "-pie", "-fPIE", "-xc", "-", "-o", "moved")
    subprocess.run(command, cwd=tmp_path, input=moved, check=True)
    with pytest.raises(ToolchainError, match="not those it was linked for"):
        plugin_options(tmp_path / "moved")


def test_marks_that_are_missing() -> None:
    with pytest.raises(ToolchainError, match="at 3 marks, not 8"):
        by_layer(tiny.PROGRAM, tiny.TENSORS, (1, 2, 3))


def test_the_table_holds_every_number() -> None:
    rows = (
        Row(0, "l00_conv2d", "portable/conv2d_s8", "op[0] 'first [bold]'", 1000, 16, 1234567),
        Row(1, "l01_add", "portable/add_s8", "op[1]", 0, 16, 4096),
    )
    lines = str(Instructions(rows, 1240000)).splitlines()
    first, second, total = (
        next(line for line in lines if word in line) for word in ("conv2d", "l01_add", "total")
    )
    for text in ("portable/conv2d_s8", "[bold]", "1,000", "1,234,567", "1234.567"):
        assert text in first
    assert "4,096" in second
    assert "1,240,000" in total and "1240.000" in total
    assert "\x1b" not in str(Instructions(rows, 1)) and "time" not in str(Instructions(rows, 1))


@pytest.mark.parametrize("interface", (1, 4))
def test_the_plugin_is_clean_and_formatted_c99(tmp_path: Path, interface: int) -> None:
    source = runtime_dir() / "qemu_count.c"
    assert source.read_text().startswith("/* SPDX-License-Identifier: GPL-2.0-or-later\n")
    for compiler in ("gcc", "clang"):
        version = f"-DQEMU_PLUGIN_API={interface}"
        command = (need(compiler), *WARNINGS, version, "-c", str(source), "-o", "plugin.o")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    style = f"--style=file:{ROOT / '.clang-format'}"
    command = (need("clang-format"), style, "--dry-run", "--Werror", str(source))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
