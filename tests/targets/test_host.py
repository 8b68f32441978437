"""The host's kernels: the best that the machine has, unless told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.errors import TargetError
from edgeq.targets.detect import has_avx2, has_avx512_vnni
from edgeq.targets.host import HOST, OVERRIDE, host_tables, host_target

TABLES = ("x86_vnni", "x86_avx2", "portable")


def test_the_best_table_comes_first() -> None:
    for first, flag in ((0, "-mavx512vnni"), (1, "-mavx2"), (2, None)):
        found = host_target({}, TABLES[first:])
        assert found.isas == TABLES[first:]
        assert flag is None or flag in found.flags
    assert not any(f in host_target({}, TABLES[2:]).flags for f in ("-mavx2", "-mavx512vnni"))


def test_the_override_chooses_a_table() -> None:
    for first in range(3):
        here = TABLES[first:]
        assert host_target({OVERRIDE: "portable"}, here).isas == ("portable",)
        assert host_target({OVERRIDE: " "}, here) == host_target({}, here)
    assert host_target({OVERRIDE: "x86_avx2"}, TABLES) == host_target({}, TABLES[1:])
    assert host_target({OVERRIDE: "x86_vnni"}, TABLES) == host_target({}, TABLES)


@pytest.mark.parametrize("wanted", ["x86_vnni", "x86_avx2", "neon"])
def test_an_override_that_cannot_run_is_an_error(wanted: str) -> None:
    with pytest.raises(TargetError, match=f"no kernels '{wanted}'") as caught:
        host_target({OVERRIDE: wanted}, ("portable",))
    assert caught.value.hint == "it has: portable"


def test_this_machine_has_what_its_flags_say() -> None:
    tables = host_tables()
    assert ("x86_vnni" in tables, "x86_avx2" in tables) == (has_avx512_vnni(), has_avx2())
    assert tables[-1] == "portable"
    assert set(HOST.isas) <= set(tables)


def test_detection_reads_the_flags(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags\t\t: fpu avx avx2 fma\n", encoding="utf-8")
    assert has_avx2("x86_64", info)
    assert not has_avx512_vnni("x86_64", info)
    assert not has_avx2("aarch64", info)
    info.write_text("flags : fpu avx avx2_like\n", encoding="utf-8")
    assert not has_avx2("x86_64", info)
    assert not has_avx2("x86_64", tmp_path / "absent")
    wide = "avx2 avx512f avx512bw avx512dq avx512vl avx512_vnni"
    info.write_text(f"flags : {wide}\n", encoding="utf-8")
    assert has_avx512_vnni("x86_64", info)
    info.write_text(f"flags : {wide.replace('avx512bw', 'avx512cd')}\n", encoding="utf-8")
    assert not has_avx512_vnni("x86_64", info)
