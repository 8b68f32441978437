"""Figures of a network's code that a compiler of its target gives, without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from edgeq.emit.names import comment_text
from edgeq.host.build import build_objects
from edgeq.host.cross import Toolchain, cross_toolchain
from edgeq.host.machine import port_flags
from edgeq.host.toolchain import host_compiler
from edgeq.resources import runtime_dir
from edgeq.targets.base import COMMON_CFLAGS, Target


@dataclass(frozen=True, slots=True)
class StackFigure:
    """The stack that a call takes in the code of a compiler, and lines that tell whose it is."""

    bytes: int
    lines: tuple[str, ...]


def stack_figure(files: Mapping[str, str], name: str, target: Target) -> StackFigure:
    """Compile the code of a network and return the stack that a call of it takes.

    ``files`` are those that a user compiles, ``name`` is the prefix of their names. Raise
    ``ToolchainError`` when no compiler of the target is here.
    """
    tools = _tools(target)
    constants = f"{name}_weights.c"
    code = {path: text for path, text in files.items() if PurePosixPath(path).name != constants}
    flags = (*tools.flags, *port_flags(target, str(runtime_dir() / "port")))
    with build_objects(code, compiler=tools.compiler, flags=flags) as build:
        found = build.stack
    lines = (f"{tools.compiler.version}, {' '.join(tools.flags)}", ", ".join(found.path))
    return StackFigure(found.bytes, tuple(comment_text(line, 200) for line in lines if line))


def _tools(target: Target) -> Toolchain:
    if target.is_emulated:
        return cross_toolchain(target)
    # The processor's own instructions, whether this machine has them or not.
    return Toolchain(host_compiler(), (*COMMON_CFLAGS, *target.cflags, *target.isa_flags))
