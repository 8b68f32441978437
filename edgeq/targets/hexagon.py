"""Qualcomm Hexagon DSPs: built by Clang without a C library, run by QEMU in user mode."""

from __future__ import annotations

from dataclasses import replace

from edgeq.resources import runtime_dir
from edgeq.targets.base import NATIVE, CrossCompiler, Target

OLDEST = 66
VERSIONS = (66, 68, 69, 73)
"""Of the instruction set; code for one runs on later ones."""

# QEMU's vectors have 128 bytes, as those of all these versions can.
_VECTOR = 128
# Sums of a tile of a product, and what a compiler keeps beside them.
_VECTOR_STACK = 16384
_NEWEST_EMULATED = 67
_LINK = ("-nostartfiles", "-nostdlib", "-fuse-ld=lld")


def _spellings(version: int, vectors: bool) -> tuple[CrossCompiler, ...]:
    """Return the compilers, and how the wheel of Zig spells the flags."""
    cpu = f"hexagonv{version}" + (f"+hvxv{version}+hvx_length128b" if vectors else "")
    zig = (
        (f"-mcpu=hexagonv{version}", (f"-mcpu={cpu}", "-fno-sanitize=all", "-fno-stack-protector")),
        ("-mhvx", ()),
        ("-mhvx-length=128b", ()),
        ("-fuse-ld=lld", ()),
    )
    return (
        # By its number: the linker comes in a package of the same.
        CrossCompiler(("clang-19", "--target=hexagon-unknown-none-elf")),
        CrossCompiler(("ziglang", "-target", "hexagon-freestanding-none"), zig),
    )


def hexagon_target(vectors: bool, version: int = OLDEST) -> Target:
    """Return the target of a version of the instruction set, with or without vectors."""
    # Emulators of this kind refuse a version that they do not know by name, not its code.
    newer = ("-cpu", f"v{_NEWEST_EMULATED}") if version > _NEWEST_EMULATED else ()
    return Target(
        name="hexagon-hvx" if vectors else "hexagon",
        summary=f"Hexagon DSP, v{version} and later: "
        + ("vectors of 128 bytes" if vectors else "scalar instructions only"),
        isas=(*(("hvx",) if vectors else ()), "hexagon", "portable"),
        alignment=_VECTOR if vectors else 8,
        cflags=("-O2",),
        isa_flags=(
            f"-mcpu=hexagonv{version}",
            *(("-mhvx", f"-mhvx-length={_VECTOR}b") if vectors else ()),
        ),
        runner="qemu-hexagon",
        runner_arguments=newer,
        compilers=_spellings(version, vectors),
        stack=_VECTOR_STACK if vectors else 6144,
        port="hexagon",
        link=_LINK,
        counted="packets",
    )


def modelled() -> Target:
    """Return HVX on this machine: plain C stands in for its instructions, vectors and all."""
    return replace(
        HEXAGON_HVX,
        isas=("hvx", "portable"),
        # The model is much code for a compiler.
        cflags=("-O1", "-fno-inline"),
        runner=NATIVE,
        runner_arguments=(),
        compilers=(),
        port="hosted",
        link=(),
        model_flags=("-DEDGEQ_EMULATE_HVX", f"-I{runtime_dir() / 'emulation'}"),
    )


HEXAGON = hexagon_target(vectors=False)
HEXAGON_HVX = hexagon_target(vectors=True)
