"""x86-64 processors with AVX-512 VNNI: Intel since Cascade Lake (2019), AMD since Zen 4 (2022)."""

from __future__ import annotations

from edgeq.resources import runtime_dir
from edgeq.targets.base import NATIVE, Target
from edgeq.targets.detect import has_avx2, has_avx512_vnni

ISAS = ("x86_vnni", "x86_avx2", "portable")
FLAGS = ("-mavx2", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni")


def vnni_target(avx2: bool, vnni: bool) -> Target:
    """Return the target for use on a machine: it runs code natively, or through the model, or not.

    The model stands in for AVX-512 only: layers without a row for it have AVX2 ones.
    """
    model = ("-mavx2", "-DEDGEQ_EMULATE_AVX512", f"-I{runtime_dir() / 'emulation'}")
    modelled = avx2 and not vnni
    return Target(
        name="x86-vnni",
        summary="x86-64 processors with AVX-512 VNNI",
        isas=ISAS,
        alignment=64,  # one cache line
        cflags=("-O1", "-fno-inline")
        if modelled
        else ("-O3",),  # the model is much code for a compiler
        runner=NATIVE if avx2 else None,
        isa_flags=FLAGS,
        model_flags=model if modelled else (),
    )


X86_VNNI = vnni_target(has_avx2(), has_avx512_vnni())
