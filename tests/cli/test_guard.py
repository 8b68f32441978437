"""Every way a command can end: its exit code, and what the user reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgeq import frontends
from edgeq.cli import main
from edgeq.cli.app import COMMANDS, app
from edgeq.errors import ModelError, QuantizationError, UnsupportedError, VerifyError
from edgeq.version import VERSION
from tests.cli.conftest import Command

ERRORS = (
    (ModelError("bad", where="op 1", hint="fix it"), 2, ("op 1: bad\n", "hint: fix it")),
    (QuantizationError("too large"), 2, ("edgeq: too large\n",)),
    (UnsupportedError("unknown"), 3, ("edgeq: unknown\n",)),
    (VerifyError("differs"), 1, ("edgeq: differs\n",)),
    (OSError(28, "No space left on device", "f.c"), 2, ("f.c: No space left on device\n",)),
    (KeyboardInterrupt(), 130, ("edgeq: interrupted\n",)),
    (
        ZeroDivisionError("one\ntwo"),
        70,
        ("internal error, please report: ZeroDivisionError: one\n", "--debug"),
    ),
)


@pytest.mark.parametrize(("error", "code", "words"), ERRORS)
def test_errors_are_messages_and_codes(
    edgeq: Command,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    words: tuple[str, ...],
) -> None:
    def fail(path: Path, *, allow_float: bool) -> None:
        raise error

    monkeypatch.setattr(frontends, "load", fail)
    result = edgeq("inspect", "model.npz")
    assert (result.code, result.out) == (code, "")
    assert all(word in result.err for word in words)
    assert "Traceback" not in result.err
    for arguments in (("--debug", "inspect", "model.npz"), ("inspect", "model.npz", "--debug")):
        debugged = edgeq(*arguments)
        assert debugged.code == code
        assert "Traceback" in debugged.err
        assert type(error).__name__ in debugged.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["complie", "x"], "Did you mean 'compile'?"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["compile", "model.npz"], "--out"),
        (["run", "m", "-i", "x", "-o", "y", "--engine", "fortran"], "reference"),
        (["bench", "m", "--repeats", "0"], "--repeats"),
        (["inspect", "m", "--jsn"], "--json"),
    ],
)
def test_usage_errors(edgeq: Command, arguments: list[str], words: str) -> None:
    result = edgeq(*arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err


def test_the_version(edgeq: Command) -> None:
    result = edgeq("--version")
    assert (result.code, result.out) == (0, f"edgeq {VERSION}\n")


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)
    for name in COMMANDS:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_errors_have_their_codes_in_the_application_too() -> None:
    result = CliRunner().invoke(app, ["inspect", "missing.npz"])
    assert result.exit_code == 2
    assert "missing.npz: cannot be read" in result.stderr


def test_an_error_of_the_arguments_is_not_an_internal_one(
    edgeq: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, allow_float: bool) -> None:
        raise typer.BadParameter("not this one")

    monkeypatch.setattr(frontends, "load", refuse)
    result = edgeq("inspect", "model.npz")
    assert result.code == 2
    assert "not this one" in result.err


def test_an_installation_that_cannot_be_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["edgeq", "ops"])
    monkeypatch.setitem(sys.modules, "edgeq.cli.app", None)
    assert main() == 70
    assert "internal error, please report: ModuleNotFoundError" in capsys.readouterr().err


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "edgeq", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_a_reader_that_goes_away_is_no_error(model: Path) -> None:
    command = [sys.executable, "-m", "edgeq", "inspect", str(model), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (141, b"")


def test_nothing_is_left_in_the_temporary_folder(model: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    assert run("verify", model, env=environment).returncode == 0
    assert list(scratch.iterdir()) == []


def test_a_terminal_of_another_encoding(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = run("inspect", tmp_path / "mod\u00e8le.npz", env=environment)
    assert result.returncode == 2
    assert b"mod\\xe8le.npz: cannot be read" in result.stderr
    assert run("ops", env=environment).returncode == 0


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["talking", "quiet"])
def test_progress_goes_to_a_terminal_only(
    model: Path, tmp_path: Path, quiet: tuple[str, ...]
) -> None:
    (tmp_path / "[").mkdir()
    odd = model.rename(tmp_path / "[" / "odd].npz")  # markup, if it were read as such
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, "-m", "edgeq", "inspect", str(odd), "--json", *quiet]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True
    )
    os.write(theirs, b"end")
    said = os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert json.loads(done.stdout)["model"] == str(odd)
    assert (b"planning" in said) == (not quiet)
