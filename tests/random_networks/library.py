"""The C of many networks in one shared library, which one run of the compiler makes.

Names that are private to a network's source get its name in front; all else has it already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeq._host import Library
from edgeq.emit.project import sources
from edgeq.host.build import Build, build_shared
from edgeq.host.compiled import Compiled
from edgeq.host.toolchain import host_compiler
from edgeq.ir.graph import Graph
from edgeq.plan.program import Program
from edgeq.targets import Target
from edgeq.targets.host import HOST, host_tables, host_target
from tests.kernel_harness import PORTABLE

QUICK = ("-O1",)
# Every table that this machine runs, the portable one as often as all others together.
TARGETS: tuple[Target, ...] = tuple(
    target
    for table in host_tables()
    if table != "portable"
    for target in (
        replace(PORTABLE, cflags=QUICK),
        replace(host_target({"EDGEQ_HOST_ISA": table}, host_tables()), cflags=QUICK),
    )
) or (replace(HOST, cflags=QUICK),)

_STATIC = re.compile(r"^(?:EDGEQ_\w+ )?static [^;{=]*?\b(\w+)(?= ?\(|\[| =)", re.MULTILINE)
_MACROS = ("EDGEQ_CODE", "EDGEQ_DATA")


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One network's program, named like no other of the library, and its lowered graph."""

    program: Program
    lowered: Graph


class Loaded(Compiled):
    """A network that is part of a library."""

    def __init__(self, member: Member, target: Target, build: Build) -> None:
        super().__init__(member.program, {}, member.lowered.tensors, target)
        program = member.program
        self._built = (build, Library(build.library, program.name, bool(program.states)))


def compiled_together(members: Sequence[Member], target: Target) -> list[Loaded]:
    """Return the networks as callables; raise ``ToolchainError`` when the C cannot be built."""
    files: dict[str, str] = {}
    unit: list[str] = []
    for member in members:
        unit += _include(files, sources(member.program), member.program.name)
    files["src/all.c"] = "\n".join(unit) + "\n"
    build = build_shared(files, "all", compiler=host_compiler(), flags=target.flags)
    return [Loaded(member, target, build) for member in members]


def _include(files: dict[str, str], project: Mapping[str, str], name: str) -> list[str]:
    """Add a project's files; return the lines that make its sources part of the one unit."""
    lines: list[str] = []
    for path, text in project.items():
        if not path.endswith(".c"):
            known = files.setdefault(path, text)
            if known != text:
                raise ValueError(f"{path} is not the same in all networks")
            continue
        # Only what ends in .c is compiled by itself.
        part = path.removesuffix(".c") + ".inc"
        files[part] = text
        private = sorted(set(_STATIC.findall(text)))
        lines += [f"#define {each} {name}_{each}" for each in private]
        lines.append(f'#include "{part.removeprefix("src/")}"')
        lines += [f"#undef {each}" for each in (*private, *_MACROS)]
    return lines
