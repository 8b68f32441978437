"""Wrong calls of the C interface on emulated boards; several memories there, and the bits."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq import api, reference
from edgeq.emit.project import sources
from edgeq.emit.runner import linker_script
from edgeq.host.build import PROGRAM, build_program
from edgeq.host.cross import cross_toolchain, find_emulator
from edgeq.host.machine import command, execute, port_flags, port_sources
from edgeq.options import Options
from edgeq.targets import TARGETS, Target
from edgeq.verify import verify_models
from tests import small_networks
from tests.interface import wrong_calls

BARE = tuple(each for each in TARGETS.values() if each.port != "hosted")
MEMORIES = {"dtcm": 256, "sram": 4096}


def result(chosen: Target, files: dict[str, str], main: str, where: Path) -> int:
    """Return the exit status of a program round a network, run by the emulator of its target."""
    tools = cross_toolchain(chosen)
    around = {"main.c": main, **port_sources(chosen)}
    script: tuple[str, ...] = ()
    if chosen.board:
        around["board.ld"] = linker_script(chosen)
        script = ("-T", f"{PROGRAM}/board.ld")
    flags = (*tools.flags, *port_flags(chosen, PROGRAM))
    link = (*tools.link, *script)
    with build_program(files, around, compiler=tools.compiler, flags=flags, link=link) as built:
        line = command(chosen, find_emulator(chosen), (), built.library, "calls")
        return execute(chosen, line, b"", where, 60).status


@pytest.mark.parametrize("chosen", BARE, ids=lambda each: each.name)
def test_wrong_calls_touch_nothing(chosen: Target, tmp_path: Path) -> None:
    graph = small_networks.network()
    program = api.program_of(graph, api.lower(graph), chosen, "net", Options(arena=MEMORIES))
    text = wrong_calls("net", [region.name for region in program.regions])
    status = result(chosen, sources(program), text, tmp_path)
    assert status == 0, text.splitlines()[status - 2]


def test_a_program_that_expects_too_much_fails(tmp_path: Path) -> None:
    graph = small_networks.network()
    chosen = TARGETS["cortex-m4"]
    program = api.program_of(graph, api.lower(graph), chosen, "net")
    text = wrong_calls("net").replace("== NET_ERROR_ABI", "== NET_OK", 1)
    status = result(chosen, sources(program), text, tmp_path)
    assert "NET_OK" in text.splitlines()[status - 2]
    assert "abi + 1" in text.splitlines()[status - 2]


@pytest.mark.parametrize("make", (small_networks.network, small_networks.pair))
def test_several_memories_give_the_same_bits(make) -> None:
    graph = make()
    lowered = api.lower(graph)
    compiled = []
    for target in (TARGETS["portable"], *BARE):
        whole = api.program_of(graph, lowered, target).arena
        compiled += [edgeq.compile(graph, target, arena={"dtcm": whole // 2, "sram": whole})]
        assert {region.name for region in compiled[-1].program.regions} == {"dtcm", "sram"}
    runs = [reference.sample_inputs(graph, seed) for seed in range(2)]
    for verdict in verify_models(lowered, compiled, runs):
        assert verdict.difference is None, str(verdict.difference)
