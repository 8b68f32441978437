"""What this machine's processor has, as its operating system tells."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

_X86_64 = ("x86_64", "AMD64", "amd64")
CPUINFO = Path("/proc/cpuinfo")


def has_avx2(machine: str | None = None, cpuinfo: Path = CPUINFO) -> bool:
    """Tell whether this is an x86-64 machine with AVX2; no where there is no way to tell."""
    return _has(("avx2",), machine, cpuinfo)


def has_avx512_vnni(machine: str | None = None, cpuinfo: Path = CPUINFO) -> bool:
    """Tell whether this is an x86-64 machine with AVX-512 VNNI, and what goes with it."""
    wanted = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx2")
    return _has(wanted, machine, cpuinfo)


def _has(wanted: Iterable[str], machine: str | None, cpuinfo: Path) -> bool:
    if (machine or platform.machine()) not in _X86_64:
        return False
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return set(wanted) <= set(flags.partition(":")[2].split())
