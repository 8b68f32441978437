"""32-bit RISC-V without vectors: the proof that portable code is portable."""

from __future__ import annotations

from edgeq.targets.base import CrossCompiler, Target

RISCV32 = Target(
    name="riscv32",
    summary="32-bit RISC-V, RV32IMC: no vectors, no floating point",
    isas=("portable",),
    alignment=8,
    cflags=("-O2",),
    size_cflags=("-Os",),
    isa_flags=("-march=rv32imc", "-mabi=ilp32"),
    runner="qemu-riscv32",
    compilers=(
        CrossCompiler(("riscv64-unknown-elf-gcc",)),
        CrossCompiler(
            ("ziglang", "-target", "riscv32-freestanding-none"),
            (
                ("-march=rv32imc", ("-mcpu=generic_rv32+m+c",)),
                ("-mabi=ilp32", ("-fno-sanitize=all", "-fno-stack-protector")),
                ("-lgcc", ()),
            ),
        ),
    ),
    float32=False,
    stack=3072,
    port="riscv32",
    link=("-nostartfiles", "-nostdlib", "-lgcc"),
    stream=True,
)
