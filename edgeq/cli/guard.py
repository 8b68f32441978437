"""Errors to messages and exit codes: no traceback reaches a user who did not ask for one."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from edgeq.cli.output import Output
from edgeq.errors import EdgeqError
from edgeq.report.plain import printable

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130
BROKEN_PIPE = 141


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that ends in an exit code whatever happens in it."""

    @functools.wraps(command)
    def run(ctx: typer.Context, **arguments: Any) -> None:
        try:
            command(ctx, **arguments)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError:
            raise typer.Exit(silence()) from None
        except (Exception, KeyboardInterrupt) as error:
            raise typer.Exit(report(error, debug=Output.of(ctx).debug)) from None

    return run


def report(error: BaseException, *, debug: bool = False) -> int:
    """Print an error on stderr and return the exit code it stands for."""
    if debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted")
        return INTERRUPTED
    if isinstance(error, EdgeqError):
        place = f"{error.where}: " if error.where else ""
        _say(f"{place}{error.what.rstrip()}", error.hint)
        return error.exit_code
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        _say(f"{name}{error.strerror or error}")
        return EdgeqError.exit_code
    hint = "" if debug else "--debug shows where"
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    _say(f"internal error, please report: {kind}", hint)
    return INTERNAL_ERROR


def silence() -> int:
    """Let nothing more be said on stdout, whose reader went away; return the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE


def _say(message: str, hint: str = "") -> None:
    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("edgeq: ", "bold red"), printable(message)))
    if hint:
        console.print(Text.assemble(("  hint: ", "bold"), printable(hint)))
