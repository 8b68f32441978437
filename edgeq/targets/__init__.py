"""The targets: a new processor of a known instruction set is one file here and its line below."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from edgeq.errors import TargetError
from edgeq.targets.arm import AARCH64, AARCH64_DOTPROD, AARCH64_I8MM, ARMV7_NEON
from edgeq.targets.base import Target
from edgeq.targets.cortex_m import (
    CORTEX_M0,
    CORTEX_M3,
    CORTEX_M4,
    CORTEX_M7,
    CORTEX_M33,
    CORTEX_M55,
)
from edgeq.targets.hexagon import HEXAGON, HEXAGON_HVX
from edgeq.targets.host import HOST
from edgeq.targets.portable import PORTABLE
from edgeq.targets.riscv import RISCV32
from edgeq.targets.x86_avx2 import X86_AVX2
from edgeq.targets.x86_vnni import X86_VNNI

_ARM_A = (AARCH64, AARCH64_DOTPROD, AARCH64_I8MM, ARMV7_NEON)
_ARM_M = (CORTEX_M0, CORTEX_M3, CORTEX_M4, CORTEX_M7, CORTEX_M33, CORTEX_M55)
_ALL = (HOST, PORTABLE, X86_AVX2, X86_VNNI, *_ARM_A, *_ARM_M, RISCV32, HEXAGON, HEXAGON_HVX)
TARGETS: Mapping[str, Target] = MappingProxyType({t.name: t for t in _ALL})


def target(name: str) -> Target:
    """Return the target of this name; raise ``TargetError`` naming those there are.

    >>> target("portable").isas
    ('portable',)
    """
    if name in TARGETS:
        return TARGETS[name]
    near = difflib.get_close_matches(name, TARGETS, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise TargetError(f"unknown target '{name}'", hint=f"{hint}targets: {', '.join(TARGETS)}")


__all__ = ["TARGETS", "Target", "target"]
