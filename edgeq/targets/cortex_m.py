"""Cortex-M microcontrollers: built by a bare-metal compiler, run on an emulated board."""

from __future__ import annotations

from edgeq.targets.base import CrossCompiler, Target
from edgeq.targets.board import (
    MPS2_AN385,
    MPS2_AN386,
    MPS2_AN500,
    MPS2_AN505,
    MPS3_AN547,
    Board,
)

_LINK = ("-nostartfiles", "-nostdlib")


def _cortex_m(
    cpu: str,
    summary: str,
    board: Board,
    zig_cpu: str,
    *,
    isas: tuple[str, ...] = (),
    fpu: str = "",
) -> Target:
    """Return a target; ``fpu`` is GCC's name of its single-precision unit, if it has one."""
    mcpu = f"-mcpu={cpu}"
    floats = ("-mfloat-abi=hard", *((f"-mfpu={fpu}",) if fpu != "auto" else ())) if fpu else ()
    abi = "eabihf" if fpu else "eabi"
    zig = CrossCompiler(
        ("ziglang", "-target", f"thumb-freestanding-{abi}"),
        (
            (mcpu, (f"-mcpu={zig_cpu}",)),
            ("-mthumb", ("-fno-sanitize=all", "-fno-stack-protector")),
            *((flag, ()) for flag in floats),
            ("-lgcc", ()),
        ),
    )
    return Target(
        name=cpu,
        summary=summary,
        isas=(*isas, "portable"),
        alignment=8,
        cflags=("-O2",),
        size_cflags=("-Os",),
        isa_flags=(mcpu, "-mthumb", *floats),
        runner="qemu-system-arm",
        compilers=(CrossCompiler(("arm-none-eabi-gcc",)), zig),
        float32=bool(fpu),
        stack=3072,
        port="cortex_m",
        link=(*_LINK, "-lgcc"),
        board=board,
        stream=True,
    )


# Code for a Cortex-M0 is a part of what a Cortex-M3 runs; no emulated M0 has this much memory.
CORTEX_M0 = _cortex_m(
    "cortex-m0", "Cortex-M0, M0+: no DSP, 32-bit products", MPS2_AN385, "cortex_m0"
)
CORTEX_M3 = _cortex_m("cortex-m3", "Cortex-M3: 64-bit products", MPS2_AN385, "cortex_m3")
CORTEX_M4 = _cortex_m(
    "cortex-m4",
    "Cortex-M4F: DSP extension",
    MPS2_AN386,
    "cortex_m4+vfp4d16sp",
    isas=("dsp",),
    fpu="fpv4-sp-d16",
)
CORTEX_M7 = _cortex_m(
    "cortex-m7",
    "Cortex-M7: DSP extension",
    MPS2_AN500,
    "cortex_m7+vfp4d16sp",
    isas=("dsp",),
    fpu="fpv5-sp-d16",
)
CORTEX_M33 = _cortex_m(
    "cortex-m33",
    "Cortex-M33: DSP extension",
    MPS2_AN505,
    "cortex_m33+vfp4d16sp",
    isas=("dsp",),
    fpu="fpv5-sp-d16",
)
CORTEX_M55 = _cortex_m(
    "cortex-m55",
    "Cortex-M55: Helium vectors",
    MPS3_AN547,
    "cortex_m55+mve+mve_fp",
    isas=("mve", "dsp"),
    fpu="auto",
)
