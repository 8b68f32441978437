"""x86-64 processors with AVX-512 VNNI: Intel since Cascade Lake (2019), AMD since Zen 4 (2022)."""

from __future__ import annotations

from edgeq.resources import runtime_dir
from edgeq.targets.base import NATIVE, Target
from edgeq.targets.detect import has_avx512_vnni

VNNI_FLAGS = ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni")
# Where the processor lacks them, a model of the intrinsics in plain C gives the same bits.
MODEL_FLAGS = ("-DEDGEQ_EMULATE_AVX512", f"-I{runtime_dir() / 'emulation'}")

X86_VNNI = Target(
    name="x86-vnni",
    summary="x86-64 processors with AVX-512 VNNI",
    isas=("x86_vnni", "x86_avx2", "portable"),
    alignment=64,  # one cache line
    cflags=("-O3",),
    runner=NATIVE if has_avx512_vnni() else None,
    isa_flags=VNNI_FLAGS,
)
