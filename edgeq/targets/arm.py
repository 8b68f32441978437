"""A-class ARM processors, 64 and 32 bit: built by a cross compiler, run by QEMU in user mode."""

from __future__ import annotations

from edgeq.targets.base import CrossCompiler, Target

# One vector register, the widest access that NEON code makes.
_ALIGNMENT = 16


def _aarch64(
    name: str, summary: str, isas: tuple[str, ...], arch: str, zig_cpu: str, qemu_cpu: str
) -> Target:
    """Return a 64-bit target; Zig chooses instructions by the processor's name."""
    march = f"-march={arch}"
    zig = CrossCompiler(
        ("ziglang", "-target", "aarch64-linux-musl"), ((march, (f"-mcpu={zig_cpu}",)),)
    )
    return Target(
        name=name,
        summary=summary,
        isas=(*isas, "aarch64", "neon", "portable"),
        alignment=_ALIGNMENT,
        cflags=("-O3",),
        isa_flags=(march,),
        runner="qemu-aarch64",
        # A processor that lacks an instruction stops at it, as the real one does.
        runner_arguments=("-cpu", qemu_cpu),
        compilers=(
            CrossCompiler(("aarch64-linux-gnu-gcc",)),
            CrossCompiler(("clang", "--target=aarch64-linux-gnu")),
            zig,
        ),
    )


AARCH64 = _aarch64(
    "aarch64",
    "64-bit ARM, ARMv8.0: Cortex-A53 and later",
    (),
    "armv8-a",
    "cortex_a53",
    "cortex-a53",
)
AARCH64_DOTPROD = _aarch64(
    "aarch64-dotprod",
    "64-bit ARM with dot product: Cortex-A55, A76 and later",
    ("aarch64_dotprod",),
    "armv8.2-a+dotprod",
    "cortex_a76",
    "cortex-a76",
)
AARCH64_I8MM = _aarch64(
    "aarch64-i8mm",
    "64-bit ARM with int8 matrix multiply: Cortex-A510, Neoverse V1 and later",
    ("aarch64_i8mm", "aarch64_dotprod"),
    "armv8.2-a+dotprod+i8mm",
    "generic+v8_2a+dotprod+i8mm",
    "max",  # the only processor with these instructions that QEMU 7 knows
)
ARMV7_NEON = Target(
    name="armv7-neon",
    summary="32-bit ARM with NEON, ARMv7-A: Cortex-A7 and later",
    isas=("neon", "portable"),
    alignment=_ALIGNMENT,
    stack=8192,  # half the vector registers of AArch64: the others are on the stack
    cflags=("-O3",),
    isa_flags=("-march=armv7-a", "-mfpu=neon-vfpv4", "-mfloat-abi=hard"),
    runner="qemu-arm",
    runner_arguments=("-cpu", "cortex-a7"),
    compilers=(
        CrossCompiler(("arm-linux-gnueabihf-gcc",)),
        CrossCompiler(("clang", "--target=arm-linux-gnueabihf")),
        CrossCompiler(
            ("ziglang", "-target", "arm-linux-musleabihf"),
            (
                ("-march=armv7-a", ("-mcpu=cortex_a7+neon",)),
                ("-mfpu=neon-vfpv4", ()),
                ("-mfloat-abi=hard", ()),
            ),
        ),
    ),
)
