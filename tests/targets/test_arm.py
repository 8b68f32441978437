"""The ARM targets: what their compilers and emulators take for granted is true."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgeq.host.build import build_program
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.targets import TARGETS, Target

EMULATED = [each for each in TARGETS.values() if each.is_emulated and each.port == "hosted"]
COMPILERS = [
    pytest.param(target, " ".join(compiler.command), id=f"{target.name}-{compiler.command[0]}")
    for target in EMULATED
    for compiler in target.compilers
    if compiler.command[0] != "ziglang"
]
MAIN = """
#include <arm_neon.h>
#include <stdio.h>
%s
float fused(float a, float b, float c);
int main(int count, char **arguments)
{
    const float a = 1.0f + 1.0f / 4096.0f;
    (void)arguments;
    puts(fused(a, a, -(1.0f + 1.0f / 2048.0f)) == 0.0f ? "two roundings" : "one rounding");
    return probe(count);
}
"""
FUSED = """
float fused(float a, float b, float c);
float fused(float a, float b, float c) { return a * b + c; }
"""
# One instruction of each extension; its result is 4 or 8 for an argument of 1.
PLAIN = "static int probe(int x) { return vgetq_lane_s32(vdupq_n_s32(4 * x), 1) - 4; }"
DOT = """
static int probe(int x)
{
    const int8x16_t ones = vdupq_n_s8((int8_t)x);
    return vgetq_lane_s32(vdotq_s32(vdupq_n_s32(0), ones, ones), 1) - 4;
}
"""
MATRIX = DOT.replace("vdotq_s32", "vmmlaq_s32").replace("- 4", "- 8")
ILLEGAL = -4
# What each processor must run, and what it must stop at.
PROBES = {
    "aarch64": ((PLAIN, 0), (DOT, ILLEGAL), (MATRIX, ILLEGAL)),
    "aarch64-dotprod": ((PLAIN, 0), (DOT, 0), (MATRIX, ILLEGAL)),
    "aarch64-i8mm": ((PLAIN, 0), (DOT, 0), (MATRIX, 0)),
    "armv7-neon": ((PLAIN, 0),),
}


def run(target: Target, probe: str, flags: tuple[str, ...], compiler: str | None = None) -> str:
    """Build a program around a probe, run it; return its exit status and what it printed."""
    tools = cross_toolchain(target, compiler)
    with build_program(
        {"src/fused.c": FUSED}, {"main.c": MAIN % probe}, compiler=tools.compiler, flags=flags
    ) as built:
        command = (*find_emulator(target), str(built.library))
        done = subprocess.run(command, cwd=built.root, capture_output=True, timeout=60)
    return f"{done.returncode} {done.stdout.decode().strip()}"


def test_the_processors_are_these() -> None:
    assert set(PROBES) == {target.name for target in EMULATED}
    assert all(target.isas[-1] == "portable" for target in EMULATED)


@pytest.mark.parametrize(("target", "compiler"), COMPILERS)
def test_each_compiler_builds_what_the_processor_runs(target: Target, compiler: str) -> None:
    tools = cross_toolchain(target, compiler)
    probe = [probe for probe, status in PROBES[target.name] if status == 0][-1]
    assert run(target, probe, tools.flags, compiler) == "0 two roundings"
    assert Path(tools.compiler.command[0]).is_absolute()


@pytest.mark.parametrize("target", EMULATED, ids=lambda target: target.name)
def test_the_emulated_processor_has_its_instructions_and_no_others(target: Target) -> None:
    everything = ("-std=c99", "-O1", "-march=armv8.2-a+dotprod+i8mm")
    flags = cross_toolchain(target).flags if target.name == "armv7-neon" else everything
    for probe, status in PROBES[target.name]:
        assert run(target, probe, flags).split()[0] == str(status)
