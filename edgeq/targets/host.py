"""The machine edgeq runs on, with every instruction it has."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from edgeq.errors import TargetError
from edgeq.targets.base import NATIVE, Target
from edgeq.targets.detect import has_avx2, has_avx512_vnni
from edgeq.targets.x86_vnni import FLAGS

# The kernel table to use instead of the best one: the name of a table, such as "portable".
OVERRIDE = "EDGEQ_HOST_ISA"

_FLAGS = {"x86_vnni": FLAGS, "x86_avx2": ("-mavx2",), "portable": ()}


def host_tables() -> tuple[str, ...]:
    """Return the kernel tables that this machine's processor runs, the best first."""
    found = {"x86_vnni": has_avx512_vnni(), "x86_avx2": has_avx2()}
    return (*(isa for isa, runs in found.items() if runs), "portable")


def host_target(environment: Mapping[str, str], tables: Sequence[str]) -> Target:
    """Return the target of a machine; raise ``TargetError`` for an override it cannot run.

    >>> host_target({"EDGEQ_HOST_ISA": "portable"}, ("x86_avx2", "portable")).isas
    ('portable',)
    """
    first = environment.get(OVERRIDE, "").strip() or tables[0]
    if first not in tables:
        raise TargetError(
            f"this machine has no kernels '{first}'",
            where=f"environment variable {OVERRIDE}",
            hint=f"it has: {', '.join(tables)}",
        )
    return Target(
        name="host",
        summary="this machine, compiled for exactly its processor",
        isas=tuple(tables[tables.index(first) :]),
        alignment=64,  # one cache line
        cflags=("-O3", "-march=native"),
        runner=NATIVE,
        isa_flags=_FLAGS[first],
    )


HOST = host_target(os.environ, host_tables())
