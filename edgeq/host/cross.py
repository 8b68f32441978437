"""Find the compiler and the emulator of a target that is not this machine."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import ToolchainError
from edgeq.host.doctor import install_command
from edgeq.host.toolchain import Compiler, expanded, first_error, identify
from edgeq.targets.base import CrossCompiler, Target

_SECONDS = 1200  # the first use of ziglang for a processor builds a C library
_PROBE = '#include <stdio.h>\nint main(void) { return puts("edgeq") < 0; }\n'
_BARE_PROBE = "int main(void) { return 0; }\n"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler, and all flags of a target and of its linker in its spelling."""

    compiler: Compiler
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()


def cross_toolchain(
    target: Target, name: str | None = None, environment: Mapping[str, str] | None = None
) -> Toolchain:
    """Return the first of a target's compilers that builds a program for it.

    ``name``, a command with its arguments, is used in place of the target's. Raise
    ``ToolchainError`` that says what to install, or why those that are here do not work.
    """
    env = dict(os.environ if environment is None else environment)
    reasons = []
    for candidate in _candidates(target, name):
        compiler = identify(expanded(candidate.command), env)
        if compiler is None:
            continue
        found = Toolchain(compiler, candidate.spelled(target.flags), candidate.spelled(target.link))
        try:
            flags = compiler.flags(found.flags)
            _probe(compiler.command, flags, target.port == "hosted", env.get("PATH", ""))
        except ToolchainError as error:
            reasons.append(f"{shlex.join(candidate.command)} does not work: {error.what}")
            continue
        return found
    raise ToolchainError(
        "; ".join(reasons) or f"no compiler found ({_names(target, name)})",
        where=f"target '{target.name}'",
        hint=_hint(target),
    )


def find_emulator(target: Target, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the command that a program of the target is given to.

    Raise ``ToolchainError`` that says what to install.
    """
    env = os.environ if environment is None else environment
    path = shutil.which(target.runner or "", path=env.get("PATH", ""))
    if path is None:
        raise ToolchainError(
            f"emulator '{target.runner}' not found",
            where=f"target '{target.name}'",
            hint=install_command(target.runner or ""),
        )
    return (path, *target.runner_arguments)


def _candidates(target: Target, name: str | None) -> tuple[CrossCompiler, ...]:
    if name is None:
        return target.compilers
    command = tuple(shlex.split(name))
    known = [each for each in target.compilers if each.command == command]
    return tuple(known) or (CrossCompiler(command),)


def _names(target: Target, name: str | None) -> str:
    return ", ".join(shlex.join(each.command) for each in _candidates(target, name))


def _hint(target: Target) -> str:
    # The first and the last: the usual one, and the one that needs no package of the system.
    ends = (target.compilers[0], target.compilers[-1])
    return " or ".join(dict.fromkeys(install_command(each.command[0]) for each in ends))


@functools.cache
def _probe(command: tuple[str, ...], flags: tuple[str, ...], hosted: bool, path: str) -> None:
    """Build a program of one line; raise ``ToolchainError``, which the cache does not keep.

    Where there is no C library it is compiled only.
    """
    source, kind = (_PROBE, "-static") if hosted else (_BARE_PROBE, "-c")
    with tempfile.TemporaryDirectory(prefix="edgeq-") as folder:
        Path(folder, "probe.c").write_text(source, encoding="ascii")
        try:
            done = subprocess.run(
                (*command, *flags, kind, "probe.c", "-o", "probe"),
                cwd=folder,
                env={**os.environ, "PATH": path, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ToolchainError(str(error)) from error
    if done.returncode != 0:
        raise ToolchainError(first_error(done.stderr) or f"status {done.returncode}")
