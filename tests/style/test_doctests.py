"""The examples in edgeq's docstrings run."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.style import sources

MODULES = [
    sources.name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for path in sources.python_files("edgeq")
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_doctests_run(module: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(module))
    assert attempted
    assert failed == 0
