"""What commands do with a damaged file: one message, an exit code, all output or none."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from pathlib import Path

from edgeq.cli import main
from tests.fuzz.examine import Found, examine

# 0, or what errors of the family stand for; 70 would be an internal error, 1 a verification.
CODES = (0, 2, 3, 4)
COMMANDS = {"compile": "out", "convert": "out.npz"}


def examine_commands(data: bytes, path: Path) -> Found:
    """Return what becomes of a file, in commands too where that takes no long computation."""
    found = examine(data, path)
    if found.outcome != "planned" and not found.outcome.startswith("refused"):
        return found
    for command, name in COMMANDS.items():
        out = path.parent / name
        before = set(path.parent.iterdir())
        code, err = run_command(command, str(path), "-o", str(out), "--quiet")
        left = set(path.parent.iterdir()) - before
        wrong = _wrong(code, err, left, {out} if code == 0 else set())
        shutil.rmtree(out, ignore_errors=True)
        out.unlink(missing_ok=True)
        if wrong:
            return Found("failed", f"{command} {wrong}", err)
    return found


def _wrong(code: int, err: str, left: set[Path], expected: set[Path]) -> str:
    if code not in CODES:
        return f"ends with {code}"
    if left != expected:
        return f"ends with {code} and leaves {sorted(path.name for path in left)}"
    if code and (err.count("edgeq: ") != 1 or "Traceback" in err):
        return "says something else than one message"
    return ""


def run_command(*arguments: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it said on stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    before = sys.argv
    sys.argv = ["edgeq", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main()
    finally:
        sys.argv = before
    err.flush()
    err.seek(0)
    return code, err.read()
