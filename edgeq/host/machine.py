"""How a program and its data reach an emulator: of one process, or of a whole board."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.resources import runtime_dir
from edgeq.targets.base import Target

# What an emulated board is given: no screen, no serial line, files of the folder it stands in.
_BOARD = (*"-nographic -monitor none -serial none".split(), "-semihosting-config")
_HOSTED = "hosted"
_WITHOUT_LIBRARY = {"hexagon": ("-nostdlibinc",)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program wrote, what it complained of, and how it ended."""

    status: int
    output: bytes
    complaint: str


def port_sources(target: Target) -> dict[str, str]:
    """Return the files that connect ``runtime/runner.c`` to a machine, by name."""
    names = ["port.h", f"{target.port}.c"]
    if target.port != _HOSTED:
        names += ["linux.h", "string.h", "string.c"]
    return {name: (runtime_dir() / "port" / name).read_text(encoding="utf-8") for name in names}


def port_flags(target: Target, folder: str) -> tuple[str, ...]:
    """Return the flags that all code needs where there is no C library, only our files."""
    if target.port == _HOSTED:
        return ()
    # memcpy of a few bytes is a load, library or not: Clang knows only where it is not told that
    # there is none.
    here = _WITHOUT_LIBRARY.get(target.port, ("-ffreestanding", "-fbuiltin"))
    return (*here, f"-I{folder}")


def command(
    target: Target, emulator: Sequence[str], options: Sequence[str], program: Path, *words: str
) -> tuple[str, ...]:
    """Return the command line that runs a built program with arguments.

    ``options`` are the emulator's own.
    """
    if target.board is None:
        return (*emulator, *options, str(program), *words)
    arguments = ",".join(f"arg={word}" for word in ("program", *words))
    semihosting = f"enable=on,target=native,{arguments}"
    machine = ("-machine", target.board.machine)
    return (*emulator, *machine, *options, *_BOARD, semihosting, "-kernel", str(program))


def execute(target: Target, line: Sequence[str], data: bytes, where: Path, limit: float) -> Answer:
    """Run a command line with ``data`` as the program's input.

    Raise ``subprocess.TimeoutExpired`` after ``limit`` seconds, ``OSError`` when it does not start.
    """
    if target.board is None:
        # An emulator leaves core files where it stands.
        done = subprocess.run(
            line, cwd=where, input=data, capture_output=True, timeout=limit, check=False
        )
        return Answer(done.returncode, done.stdout, _text(done.stderr))
    with tempfile.TemporaryDirectory(prefix="edgeq-") as folder:
        Path(folder, "input").write_bytes(data)
        done = subprocess.run(
            line,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            check=False,
        )
        output = Path(folder, "output")
        written = output.read_bytes() if output.exists() else b""
    return Answer(done.returncode, written, _text(done.stderr or done.stdout))


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace").strip()
