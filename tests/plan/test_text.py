"""The dump of a program: two lines for each function."""

from __future__ import annotations

from edgeq.emit.sharing import share
from edgeq.passes.pipeline import run_passes
from edgeq.plan.plan import plan
from edgeq.plan.text import program_text
from edgeq.targets import target
from tests.small_networks import network


def test_programs() -> None:
    program = plan(run_passes(network()), target("portable"), "")
    lines = program_text(program).splitlines()
    assert lines[0] == (
        f"program small, target portable, numerics gemmlowp, arena {program.arena}, "
        f"lower bound {program.lower_bound}"
    )
    first = program.calls[0]
    assert lines[1].startswith(f"  l00_conv2d_s8 [{first.kernel}] x=input, y=arena")
    assert f"OUT_C={first.constants['OUT_C']}" in lines[2]
    assert len(lines) == 1 + 2 * len(program.calls)


def test_parts_are_functions(monkeypatch) -> None:
    monkeypatch.setattr("edgeq.plan.pieces.LEAST_MACS", 1)
    program = plan(run_passes(network()), target("portable"), "", threads=3)
    lines = program_text(program).splitlines()
    assert len(lines) == 1 + 2 * len(program.functions) > 1 + 2 * len(program.calls)
    assert any(line.startswith("  l00_p2_conv2d_s8 [") for line in lines)
    shared = program_text(share(program)).splitlines()
    assert any(line.startswith("  l00_p2_conv2d_s8 [") and " by l00_" in line for line in shared)
