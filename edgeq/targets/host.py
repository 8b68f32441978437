"""The machine edgeq runs on, with every instruction it has."""

from __future__ import annotations

import os
from collections.abc import Mapping

from edgeq.errors import TargetError
from edgeq.targets.base import NATIVE, Target
from edgeq.targets.detect import has_avx2

# The kernel table to use instead of the best one: the name of a table, such as "portable".
OVERRIDE = "EDGEQ_HOST_ISA"

_FLAGS = {"x86_avx2": ("-mavx2",), "portable": ()}


def host_target(environment: Mapping[str, str], avx2: bool) -> Target:
    """Return the target of a machine; raise ``TargetError`` for an override it cannot run.

    >>> host_target({"EDGEQ_HOST_ISA": "portable"}, avx2=True).isas
    ('portable',)
    """
    tables = ("x86_avx2", "portable") if avx2 else ("portable",)
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
        isas=tables[tables.index(first) :],
        alignment=64,  # one cache line
        cflags=("-O3", "-march=native"),
        runner=NATIVE,
        isa_flags=_FLAGS[first],
    )


HOST = host_target(os.environ, has_avx2())
