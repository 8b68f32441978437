"""The command line, called in this process, and models for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeq.cli import main
from tests import small_networks


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return stdout, all of which must be one JSON value."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def edgeq(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs the command line on its arguments."""

    def call(*arguments: str | Path) -> Result:
        # pytest-xdist gives its workers the width of a terminal that they do not have.
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.setattr(sys, "argv", ["edgeq", *map(str, arguments)])
        code = main()
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the file of a small network."""
    path = tmp_path / "small.npz"
    path.write_bytes(small_networks.model_bytes(small_networks.network()))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Return the file of a network of two inputs and two outputs."""
    path = tmp_path / "pair.npz"
    path.write_bytes(small_networks.model_bytes(small_networks.pair()))
    return path


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """Return the file of a network that computes in floating point."""
    path = tmp_path / "floats.npz"
    path.write_bytes(small_networks.model_bytes(small_networks.float_network()))
    return path
