"""Any processor with a C99 compiler."""

from __future__ import annotations

from edgeq.targets.base import NATIVE, Target

PORTABLE = Target(
    name="portable",
    summary="plain C99 for any processor",
    isas=("portable",),
    stack=3072,
    alignment=8,
    cflags=("-O2",),
    runner=NATIVE,
)
