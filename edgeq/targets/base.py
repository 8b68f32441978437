"""The record of one target: which kernels it may use, and how its C is compiled and run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeq.errors import TargetError
from edgeq.targets.board import Board

# Every target must give the same bits: no contraction of a multiply and an add into one rounding.
COMMON_CFLAGS = ("-std=c99", "-ffp-contract=off")

# What code can be optimized for.
OPTIMIZATIONS = ("speed", "size")

# The runner of code that is an ordinary library of the machine edgeq runs on.
NATIVE = "native"

_NAME = re.compile(r"[a-z][a-z0-9]*([-+][a-z0-9]+)*")
_INEXACT_FLAGS = frozenset(
    (
        "-Ofast",
        "-ffast-math",
        "-funsafe-math-optimizations",
        "-fassociative-math",
        "-freciprocal-math",
        "-ffp-contract=fast",
        "-ffp-contract=on",
    )
)


@dataclass(frozen=True, slots=True)
class CrossCompiler:
    """A compiler that builds for another machine, where it is installed.

    ``command`` begins with a program, or with ``ziglang`` for that package of this Python.
    ``instead`` has the flags of the target that this compiler spells otherwise, or not at all.
    """

    command: tuple[str, ...]
    instead: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def spelled(self, flags: Sequence[str]) -> tuple[str, ...]:
        """Return flags of a target in this compiler's spelling.

        >>> CrossCompiler(("cc",), (("-a", ()), ("-b", ("-c", "-d")))).spelled(("-a", "-b", "-O2"))
        ('-c', '-d', '-O2')
        """
        instead = dict(self.instead)
        return tuple(word for flag in flags for word in instead.get(flag, (flag,)))


@dataclass(frozen=True, slots=True)
class Target:
    """One processor family that edgeq generates C for.

    ``isas`` is the chain of kernel tables, tried in order; ``alignment`` is that of the arena and
    of each buffer in it, in bytes. ``runner`` is ``NATIVE``, the program of an emulator, or
    ``None`` when results cannot be run from here; ``runner_arguments`` make the emulator that
    processor. ``compilers`` are tried in order (none: the compiler of this machine). ``float32``
    tells whether the processor has single-precision hardware, which numerics with float32 scales
    need. ``stack`` is a bound on the bytes of stack that a call of its code takes; tests compare it
    with the compilers' own figures. It is the tile of sums of a convolution, which wide vectors
    and loops unrolled for them multiply. ``port`` is the file of ``runtime/port/`` that connects an
    emulated program to this machine, ``link`` are flags of its linker, and ``board`` is the machine
    without an operating system that it runs on, if it does. ``isa_flags`` are the flags without
    which no compiler takes its code: generated build files have them too. ``model_flags`` take
    their place in builds of edgeq's own where this machine's processor lacks the instructions: a
    model of them in C then stands in. ``stream`` tells that memory is scarce: layers run some rows
    at a time where that makes the arena smaller. ``size_cflags`` take the place of ``cflags`` in
    code that is to be small, if there are any; ``small`` tells that it is to be so. ``counted`` is
    what its emulator counts: on a processor that executes several instructions together, those
    packets. Raise ``TargetError`` for a bad declaration.
    """

    name: str
    summary: str
    isas: tuple[str, ...]
    alignment: int
    cflags: tuple[str, ...] = ()
    runner: str | None = None
    runner_arguments: tuple[str, ...] = ()
    compilers: tuple[CrossCompiler, ...] = ()
    float32: bool = True
    stack: int = 6144
    port: str = "hosted"
    link: tuple[str, ...] = ()
    board: Board | None = None
    isa_flags: tuple[str, ...] = ()
    model_flags: tuple[str, ...] = ()
    stream: bool = False
    size_cflags: tuple[str, ...] = ()
    counted: str = "instructions"
    small: bool = False

    def __post_init__(self) -> None:
        rules = (
            (_NAME.fullmatch(self.name) is not None, "name must be lower-case words"),
            (bool(self.summary), "summary is empty"),
            (bool(self.isas), "isas is empty"),
            (len(set(self.isas)) == len(self.isas), "isas repeats a table"),
            (_is_power_of_two(self.alignment), "alignment must be a power of two, at least 8"),
            (
                not _INEXACT_FLAGS
                & {*self.cflags, *self.size_cflags, *self.isa_flags, *self.model_flags},
                "cflags let results depend on the compiler",
            ),
            (not any(f.startswith("-std=") for f in self.cflags), "cflags chooses a C standard"),
            (bool(self.compilers) == self.is_emulated, "an emulator goes with compilers for it"),
            (
                self.is_native or not self.is_modelled,
                "a model of instructions runs here or nowhere",
            ),
        )
        for holds, what in rules:
            if not holds:
                raise TargetError(what, where=f"target '{self.name}'")

    def optimized(self, optimize: str) -> Target:
        """Return this target, its code compiled for ``"speed"`` or for ``"size"``.

        Raise ``TargetError`` for another word.
        """
        if optimize not in OPTIMIZATIONS:
            known = ", ".join(OPTIMIZATIONS)
            raise TargetError(f"code is not optimized for '{optimize}'", hint=f"known: {known}")
        if optimize == "speed":
            return self
        return replace(self, cflags=self.size_cflags or self.cflags, small=True)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return all compiler flags: those every target has, then this target's."""
        return (*COMMON_CFLAGS, *self.cflags, *(self.model_flags or self.isa_flags))

    @property
    def is_native(self) -> bool:
        """Tell whether the code runs on the machine that edgeq runs on."""
        return self.runner == NATIVE

    @property
    def is_modelled(self) -> bool:
        """Tell whether C on this machine stands in for instructions that it lacks."""
        return bool(self.model_flags)

    @property
    def is_emulated(self) -> bool:
        """Tell whether an emulator runs the code."""
        return self.runner not in (None, NATIVE)


def _is_power_of_two(alignment: int) -> bool:
    # 8: int64 and pointers, the widest types that portable C puts into the arena.
    return alignment >= 8 and alignment & (alignment - 1) == 0
