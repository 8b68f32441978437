"""Packages that are not always installed: other engines, and what their errors become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from edgeq.errors import ToolchainError, UnsupportedError


@contextmanager
def naming(engine: str) -> Iterator[None]:
    """Turn whatever another engine raises into an error that names it."""
    try:
        yield
    except Exception as error:
        raise ToolchainError(f"{engine}: {error}") from error


def package(module: str, name: str, install: str) -> Any:
    """Return a module; raise ``UnsupportedError`` with how to install it where it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise UnsupportedError(
            f"{name} is not installed", hint=f"pip install '{install}'"
        ) from None
