"""The example for Hexagon: clean under warnings, its memories where they were asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

import edgeq
from edgeq import api, reference
from edgeq.ir.graph import Graph
from edgeq.targets.hexagon import VERSIONS
from tests.models.projects import WARNINGS, write
from tests.style.sources import ROOT

FOLDER = ROOT / "examples" / "hexagon"
MODEL = ROOT / "examples" / "digits" / "digits.npz"
ADDRESSES = {
    ".vtcm": 0x30000000,
    ".vtcm.weights": 0x34000000,
    ".ddr": 0x40000000,
    ".ddr.weights": 0x44000000,
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("net")
    _, files = edgeq.generate(edgeq.load(MODEL), "hexagon-hvx", name="net")
    write(root, files.items())
    return root


def made(net: Path, folder: Path, *settings: str) -> str:
    """Return what the example prints, built in a copy of its folder."""
    names = ("Makefile", "main.c")
    write(folder, [(name, (FOLDER / name).read_text(encoding="utf-8")) for name in names])
    port = ROOT / "runtime" / "port"
    flags = "CFLAGS=" + " ".join((*WARNINGS, "-Wno-unused-macros"))
    line = ("make", "-s", "run", f"NET={net}", f"PORT={port}", flags, *settings)
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def expected(graph: Graph) -> str:
    """Return what the example should print, by the reference."""
    [port] = (graph.tensors[name] for name in graph.inputs)
    codes, state = [], 1
    for _ in range(port.bytes):
        state = (state * 1664525 + 1013904223) % 2**32
        codes.append(state >> 24)
    x = np.array(codes, np.uint8).view(port.dtype.numpy).reshape(port.shape)
    total = 2166136261
    for byte in reference.run(api.lower(graph), [x])[0].tobytes():
        total = (total ^ byte) * 16777619 % 2**32
    return f"output {total:08x}\n"


@pytest.mark.parametrize("arena", ("vtcm", "ddr"))
@pytest.mark.parametrize("weights", ("vtcm", "ddr"))
def test_arena_and_weights_are_where_they_were_asked_for(
    generated: Path, tmp_path: Path, arena: str, weights: str
) -> None:
    printed = made(generated, tmp_path, f"ARENA={arena}", f"WEIGHTS={weights}")
    assert printed == expected(edgeq.load(MODEL))
    with (tmp_path / "hexagon").open("rb") as file:
        placed = {s.name: s["sh_addr"] for s in ELFFile(file).iter_sections()}
    for name, address in ADDRESSES.items():
        assert placed.get(name) == (
            address if name in (f".{arena}", f".{weights}.weights") else None
        )


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_later_versions_print_the_same(generated: Path, tmp_path: Path, version: int) -> None:
    assert made(generated, tmp_path, f"VERSION={version}") == expected(edgeq.load(MODEL))


def test_an_arena_in_two_memories(tmp_path: Path) -> None:
    memories = {"vtcm": 1024, "ddr": 65536}
    _, files = edgeq.generate(edgeq.load(MODEL), "hexagon-hvx", name="net", arena=memories)
    net = tmp_path / "net"
    write(net, files.items())
    assert made(net, tmp_path / "copy") == expected(edgeq.load(MODEL))
    with (tmp_path / "copy" / "hexagon").open("rb") as file:
        placed = {s.name: s["sh_addr"] for s in ELFFile(file).iter_sections()}
    assert [placed[name] for name in (".vtcm", ".ddr")] == [ADDRESSES[".vtcm"], ADDRESSES[".ddr"]]
