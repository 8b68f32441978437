"""``edgeq bench``: time on this machine, executed instructions in an emulator, and never mixed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgeq.host.toolchain import host_compiler
from edgeq.report.budget import covered
from tests.cli.conftest import Command
from tests.models.projects import need

RUN = np.arange(108, dtype=np.int8).reshape(1, 6, 6, 3)


@pytest.mark.parametrize("target", ("host", "portable"))
def test_this_machine_has_times(edgeq: Command, model: Path, tmp_path: Path, target: str) -> None:
    np.save(tmp_path / "x.npy", np.stack([RUN, RUN]))
    arguments = ("bench", model, "-t", target, "-i", tmp_path / "x.npy", "--repeats", "3")
    facts = edgeq(*arguments, "--json").json
    assert [row["index"] for row in facts["layers"]] == [0, 1, 2, 3]
    assert (facts["target"], facts["runner"], facts["repeats"]) == (target, "native", 3)
    assert facts["compiler"] == host_compiler().version
    assert facts["macs"] == sum(row["macs"] for row in facts["layers"])
    assert all(row["ns"] >= 0 for row in facts["layers"])
    assert facts["gmacs_per_second"] == facts["macs"] / facts["total_ns"]
    assert "instructions" not in json.dumps(facts)
    text = edgeq(*arguments).out
    assert all(row["function"] in text and row["kernel"] in text for row in facts["layers"])
    assert "median time of 3 runs" in text
    assert "instructions" not in text


@pytest.mark.parametrize("target", ("aarch64", "armv7-neon"))
def test_an_emulator_has_instructions(edgeq: Command, model: Path, target: str) -> None:
    facts = edgeq("bench", model, "--target", target, "--json").json
    assert facts == edgeq("bench", model, "--target", target, "--json").json
    assert facts["runner"].startswith("qemu-a")
    layers = facts["layers"]
    assert facts["macs"] == sum(row["macs"] for row in layers)
    assert facts["instructions_per_mac"] == facts["total_instructions"] / facts["macs"]
    for row in layers:
        per_mac = row["instructions"] / row["macs"] if row["macs"] else None
        assert row["instructions_per_mac"] == per_mac
        assert row["instructions_per_output"] == row["instructions"] / row["outputs"]
    assert not any("ns" in row or "gmacs_per_second" in row for row in (facts, *layers))
    text = edgeq("bench", model, "--target", target).out
    assert "executed instructions (exact, not time)" in text
    assert all(f"{row['instructions']:,}" in text for row in layers)
    assert f"{facts['total_instructions']:,}" in text
    assert "GMAC/s" not in text


def test_the_compiler_is_the_one_asked_for(edgeq: Command, model: Path) -> None:
    clang = f"{need('clang')} --target=aarch64-linux-gnu"
    facts = edgeq("bench", model, "-t", "aarch64", "--compiler", clang, "--json").json
    assert "clang" in facts["compiler"]
    assert facts != edgeq("bench", model, "-t", "aarch64", "--json").json
    facts = edgeq("bench", model, "--compiler", need("clang"), "--repeats", "1", "--json").json
    assert "clang" in facts["compiler"]
    result = edgeq("bench", model, "-t", "aarch64", "--compiler", "no-such-cc")
    assert (result.code, result.out) == (2, "")
    assert "no-such-cc" in result.err


def test_without_an_emulator(
    edgeq: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-as", "aarch64-linux-gnu-ld"):
        (tmp_path / tool).symlink_to(need(tool))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = edgeq("bench", model, "--target", "aarch64")
    assert (result.code, result.out) == (2, "")
    assert "emulator 'qemu-aarch64' not found" in result.err
    assert "apt-get install qemu-user" in result.err


def test_flash_and_memory_are_there_whole_and_by_layer(edgeq: Command, model: Path) -> None:
    facts = edgeq("bench", model, "-t", "cortex-m4", "--json").json
    plan = edgeq("inspect", model, "-t", "cortex-m4", "--json").json
    inputs = len(plan["inputs"]) + len(plan["outputs"])
    assert facts["flash_data"] >= plan["flash_data"]
    assert facts["ram"] == plan["arena"] + facts["stack"] + 4 * (1 + inputs)
    assert max(row["ram"] for row in facts["memory"]) <= plan["arena"]
    assert all(row["ram"] > 0 for row in facts["memory"])
    # The functions that layers share, and what runs them, are in the whole alone.
    own = sum(row["flash"] for row in facts["memory"])
    assert plan["flash_data"] <= own < facts["flash_code"] + facts["flash_data"]
    text = edgeq("bench", model, "-t", "cortex-m4").out
    assert f"{facts['flash_code'] + facts['flash_data']:,}" in text
    assert f"{facts['ram']:,}" in text


def test_bytes_that_layers_share_count_once() -> None:
    places = [(0, 8), (4, 8), (20, 4)]
    buffers = [{"region": "arena", "offset": at, "bytes": size} for at, size in places]
    assert covered([*buffers, {"region": "dtcm", "offset": 0, "bytes": 5}]) == 12 + 4 + 5
