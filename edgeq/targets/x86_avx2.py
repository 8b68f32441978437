"""x86-64 processors with AVX2: Intel since Haswell (2013), AMD since Excavator and Zen."""

from __future__ import annotations

from edgeq.targets.base import NATIVE, Target
from edgeq.targets.detect import has_avx2

X86_AVX2 = Target(
    name="x86-avx2",
    summary="x86-64 processors with AVX2",
    isas=("x86_avx2", "portable"),
    alignment=64,  # one cache line
    cflags=("-O3",),
    runner=NATIVE if has_avx2() else None,
    isa_flags=("-mavx2",),
)
