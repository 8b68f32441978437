"""The search for vectors on the stack: it finds them, and full vectors need none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import edgeq
from tests.passes.nets import Net
from tests.style.sources import ROOT

FOLDER = ROOT / "benchmarks"
MODEL = ROOT / "examples" / "digits" / "digits.npz"
# A loop of the hardware, one of a jump round it, and what lies beyond both.
TEXT = """
00000010 <layer>:
      10: { 	r5 = add(r29,#0x480)
      14:   	loop0(0x18,#0x8) }
      18: { 	v1.w += vrmpy(v0.ub,r2.b)
      1c:   	v0 = vmem(r29+#0x3) }
      20: { 	r6 = add(r30,#-0x400); 	r7 = r1
      24:   	vmem(r7+#0x0) = v1 }
      28: { 	v2.cur = vmem(r6++#0x1)
      2c:   	nop }  :endloop0
      30: { 	v3 = vmem(r5+#0x0) }
      34: { 	if (p0) jump:nt 0x18 }
      38: { 	jumpr r31 }
""".splitlines()


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    import packets
    import spills

    return packets, spills


def test_loads_and_stores_are_found(modules: tuple[ModuleType, ModuleType]) -> None:
    packets, spills = modules
    code = packets.parsed(TEXT)
    [loop] = packets.inner_loops(code)
    assert (loop.start, len(loop.body)) == (0x18, 3)
    assert [*spills.stack_accesses(loop)] == ["v0 = vmem(r29+#0x3)", "v2.cur = vmem(r6++#0x1)"]
    found = spills.kept(code, "layer")
    assert (found.loops, found.packets, found.loads, found.stores) == (1, 3, 2, 0)
    assert spills.kept(code, "another").loops == 0


def test_packets_count_what_executes(modules: tuple[ModuleType, ModuleType]) -> None:
    packets, _ = modules
    code = packets.parsed(TEXT)
    assert packets.executed(code, {0x20: 5, 0x28: 2}) == 5 * 3 + 2 * 1


def run(model: Path, where: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, str(FOLDER / "spills.py"), str(model))
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


def test_vectors_full_of_channels_need_none(tmp_path: Path) -> None:
    net = Net()
    x = net.conv(net.input((1, 12, 12, 64)), out=128, size=3)
    y = net.conv(net.depthwise(x, size=3), out=64)
    edgeq.save(net.graph(net.depthwise(y, size=3, stride=(2, 2))), tmp_path / "net.npz")
    done = run(tmp_path / "net.npz", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    loops = [int(line.split("|")[3]) for line in done.stdout.splitlines()[2:]]
    assert sum(loops) >= 4
    assert all(line.endswith(" | 0 | 0 |") for line in done.stdout.splitlines()[2:])


def test_constants_that_are_loaded_again_are_told(tmp_path: Path) -> None:
    # 16 channels of uint8 at stride 2: one vector a row, whose constants do not all fit.
    done = run(MODEL, tmp_path)
    loads = sum(int(line.split("|")[5]) for line in done.stdout.splitlines()[2:])
    stores = sum(int(line.split("|")[6]) for line in done.stdout.splitlines()[2:])
    assert stores == 0
    assert (done.returncode != 0) == (loads > 0)
