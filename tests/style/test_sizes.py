"""Files and functions stay short enough to read: the limits are tests."""

from __future__ import annotations

import ast

import pytest

from tests.style import sources

FILE_LINES = 300
FUNCTION_LINES = 40
TEMPLATE_LINES = 150


def long_functions(text: str, limit: int) -> list[tuple[str, int]]:
    """Return the name and length of each function in ``text`` that is over ``limit`` lines."""
    functions = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    lengths = ((f.name, (f.end_lineno or f.lineno) - f.lineno + 1) for f in functions)
    return [(name, length) for name, length in lengths if length > limit]


@pytest.mark.parametrize(
    ("suffixes", "limit"),
    [((".py", ".pyx", ".pxd"), FILE_LINES), ((".j2",), TEMPLATE_LINES)],
    ids=["python", "templates"],
)
def test_files_are_short(suffixes: tuple[str, ...], limit: int) -> None:
    lengths = {
        sources.name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources.files(*suffixes)
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_functions_are_short() -> None:
    found = {
        sources.name(path): long_functions(path.read_text(encoding="utf-8"), FUNCTION_LINES)
        for path in sources.python_files()
    }
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_a_function_over_the_limit_is_found_wherever_it_hides() -> None:
    text = "class A:\n def method(self):\n  def inner():\n   a = 1\n   return a\n"
    assert long_functions(text, 2) == [("method", 4), ("inner", 3)]
    assert long_functions(text, 4) == []
