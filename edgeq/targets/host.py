"""The machine edgeq runs on, with every instruction it has."""

from __future__ import annotations

from edgeq.targets.base import NATIVE, Target

HOST = Target(
    name="host",
    summary="this machine, compiled for exactly its processor",
    isas=("portable",),
    alignment=64,  # one cache line
    cflags=("-O3", "-march=native"),
    runner=NATIVE,
)
