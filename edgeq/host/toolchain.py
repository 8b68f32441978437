"""Find the C compilers of this machine, and learn what they accept."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import ToolchainError

HOST_COMPILERS = ("gcc", "cc", "clang")
INSTALL_HINT = (
    "install gcc or clang (Debian: apt-get install gcc libc6-dev), or pip install ziglang"
)

# Linkers give the reason first, and the word "error" only in a last line that says no more.
_ERROR = re.compile(
    r"error|multiple definition|duplicate symbol|undefined (reference|symbol)|cannot find", re.I
)
# What linkers say of a program that does not fit; GNU's does not call it an error.
_OVERFLOW = re.compile(r"region .* overflowed by|will not fit in region")
_SECONDS = 300  # the first use of a fresh ziglang builds its caches
_SUBSTITUTES = {"-march=native": "-mcpu=native"}
_FAMILY_FLAGS = {
    "gcc": (),
    "clang": (),
    "zig": ("-fno-sanitize=all",),  # zig adds sanitizers that a plain library cannot link
}


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the command that runs it, its family (gcc, clang, zig) and its version line."""

    command: tuple[str, ...]
    family: str
    version: str

    @property
    def name(self) -> str:
        """Return the command as a user types it."""
        return "ziglang" if self.family == "zig" else shlex.join(self.command)

    def accepts(self, flag: str) -> bool:
        """Tell whether this compiler compiles an empty file with ``flag``."""
        return _accepts((*self.command, *_FAMILY_FLAGS[self.family]), flag)

    def flags(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return ``wanted`` in this compiler's spelling.

        A flag with a known substitute is replaced by it where the compiler refuses the flag.
        """
        spelled = tuple(
            _SUBSTITUTES[flag] if flag in _SUBSTITUTES and not self.accepts(flag) else flag
            for flag in wanted
        )
        return (*_FAMILY_FLAGS[self.family], *spelled)


def find_compilers(environment: Mapping[str, str] | None = None) -> tuple[Compiler, ...]:
    """Return every host compiler that works, the preferred one first.

    The order is ``$CC``, gcc, cc, clang, and last the ``ziglang`` package of this Python. One
    program under two names is listed once. Pass ``environment`` to look elsewhere than in
    ``os.environ``.
    """
    env = dict(os.environ if environment is None else environment)
    found: dict[tuple[str, ...], Compiler] = {}
    for command in _candidates(env):
        compiler = identify(command, env)
        if compiler is not None:
            found.setdefault(_identity(compiler.command), compiler)
    return tuple(found.values())


def host_compiler(
    name: str | None = None, environment: Mapping[str, str] | None = None
) -> Compiler:
    """Return the compiler to build with: ``name``, else ``$CC``, else the first there is.

    ``name`` is a command with its arguments, or ``ziglang``. Raise ``ToolchainError`` when the
    one asked for does not work, or when there is none.
    """
    env = dict(os.environ if environment is None else environment)
    wanted = name or env.get("CC", "").strip()
    if wanted:
        compiler = identify(expanded(tuple(shlex.split(wanted))), env)
        if compiler is None:
            origin = "" if name else " (from the environment variable CC)"
            raise ToolchainError(f"compiler '{wanted}'{origin} does not run", hint=INSTALL_HINT)
        return compiler
    for command in _candidates(env):
        compiler = identify(command, env)
        if compiler is not None:
            return compiler
    raise ToolchainError("no C compiler found", hint=INSTALL_HINT)


def identify(command: Sequence[str], environment: Mapping[str, str]) -> Compiler | None:
    """Return the compiler behind ``command``, or ``None`` when it is missing or does not run."""
    path = shutil.which(command[0], path=environment.get("PATH", "")) if command else None
    if path is None:
        return None
    full = (path, *command[1:])
    version = version_line((*full, "--version"), environment)
    if version is None:
        return None
    family = "clang" if "clang" in version.lower() else "gcc"
    return Compiler(full, "zig" if "ziglang" in command else family, version)


def expanded(command: Sequence[str]) -> tuple[str, ...]:
    """Return a command with ``ziglang`` as this Python calls it; empty where it is not here."""
    if command[:1] != ("ziglang",):
        return tuple(command)
    zig = _zig()
    return (*zig, *command[1:]) if zig else ()


def version_line(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return the first line that ``command`` prints, or ``None`` when it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, env=dict(environment), timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None


def first_error(output: bytes) -> str:
    """Return the line of a compiler's output that gives the reason; ``""`` when it is empty.

    >>> first_error(b"collect2: error: ld returned 1 exit status")
    'collect2: error: ld returned 1 exit status'
    """
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _OVERFLOW.search(line)]
    errors += [line for line in lines if _ERROR.search(line)]
    return (errors or lines or [""])[0]


def _candidates(env: Mapping[str, str]) -> Iterable[tuple[str, ...]]:
    if env.get("CC", "").strip():
        yield tuple(shlex.split(env["CC"]))
    yield from ((name,) for name in HOST_COMPILERS)
    yield _zig()


def _zig() -> tuple[str, ...]:
    if importlib.util.find_spec("ziglang") is None:
        return ()
    return (sys.executable, "-m", "ziglang", "cc")


def _identity(command: tuple[str, ...]) -> tuple[str, ...]:
    return (os.path.realpath(command[0]), *command[1:])


@functools.cache
def _accepts(command: tuple[str, ...], flag: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="edgeq-") as folder:
        source = Path(folder, "empty.c")
        source.write_text("int edgeq_empty;\n", encoding="ascii")
        try:
            # -Werror: clang only warns about most flags that it does not know.
            done = subprocess.run(
                (*command, "-Werror", flag, "-c", source.name, "-o", "empty.o"),
                cwd=folder,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return False
    return done.returncode == 0
