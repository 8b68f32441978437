"""The host's kernels: the best that the machine has, unless told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.errors import TargetError
from edgeq.targets.detect import has_avx2
from edgeq.targets.host import OVERRIDE, host_target


def test_the_best_table_comes_first() -> None:
    assert host_target({}, avx2=True).isas == ("x86_avx2", "portable")
    assert "-mavx2" in host_target({}, avx2=True).flags
    assert host_target({}, avx2=False).isas == ("portable",)
    assert "-mavx2" not in host_target({}, avx2=False).flags


def test_the_override_chooses_a_table() -> None:
    for avx2 in (False, True):
        assert host_target({OVERRIDE: "portable"}, avx2).isas == ("portable",)
        assert host_target({OVERRIDE: " "}, avx2) == host_target({}, avx2)
    assert host_target({OVERRIDE: "x86_avx2"}, avx2=True) == host_target({}, avx2=True)


@pytest.mark.parametrize("wanted", ["x86_avx2", "neon"])
def test_an_override_that_cannot_run_is_an_error(wanted: str) -> None:
    with pytest.raises(TargetError, match=f"no kernels '{wanted}'") as caught:
        host_target({OVERRIDE: wanted}, avx2=False)
    assert caught.value.hint == "it has: portable"


def test_detection_reads_the_flags(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags\t\t: fpu avx avx2 fma\n", encoding="utf-8")
    assert has_avx2("x86_64", info)
    assert not has_avx2("aarch64", info)
    info.write_text("flags : fpu avx avx2_like\n", encoding="utf-8")
    assert not has_avx2("x86_64", info)
    assert not has_avx2("x86_64", tmp_path / "absent")
