"""What no linter knows: paths of one machine, notes to self, and how edgeq reports errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.style import sources

# A class of one letter keeps each pattern from matching the line that defines it.
NOTE_TO_SELF = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MACHINE_PATH = re.compile(r"(?:(?<![\w.)\]}>*-])|(?<=-[IL]))/(?:work|farm|root|home|Users)/")

TEXT_SUFFIXES = (
    *(".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".j2", ".md", ".toml", ".txt", ".cfg"),
    *("setup", "run", "Makefile"),
)
ROOT_FILES = ("setup.py", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "MANIFEST.in")


def lines_that_match(pattern: re.Pattern[str], text: str) -> list[int]:
    """Return the numbers of the lines of ``text`` that ``pattern`` is found in."""
    return [n for n, line in enumerate(text.splitlines(), start=1) if pattern.search(line)]


def _name(node: ast.AST | None) -> str | None:
    target = node.func if isinstance(node, ast.Call) else node
    return target.id if isinstance(target, ast.Name) else None


def raises_bare_exception(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and _name(node.exc) in ("Exception", "BaseException")


def leaves_unimplemented(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "NotImplementedError"


def asserts(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert)


def prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node) == "print"


Rule = Callable[[ast.AST], bool]

# Each rule of edgeq/, the files it spares, and a line that breaks it.
RULES: tuple[tuple[Rule, frozenset[str], str], ...] = (
    (raises_bare_exception, frozenset(), "raise Exception('no')"),
    (leaves_unimplemented, frozenset(), "raise NotImplementedError"),
    (asserts, frozenset(), "assert True"),
    (prints, frozenset({"edgeq/cli.py"}), "print()"),
)
RULE_IDS = [rule.__name__ for rule, _, _ in RULES]


def lines_that_break(rule: Rule, text: str) -> list[int]:
    """Return the numbers of the lines of Python ``text`` that ``rule`` objects to."""
    return [getattr(node, "lineno", 0) for node in ast.walk(ast.parse(text)) if rule(node)]


def _texts() -> Iterator[tuple[str, str]]:
    paths = [*sources.files(*TEXT_SUFFIXES), *(sources.ROOT / name for name in ROOT_FILES)]
    for path in paths:
        yield sources.name(path), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", [NOTE_TO_SELF, MACHINE_PATH], ids=["notes", "paths"])
def test_texts_are_free_of(pattern: re.Pattern[str]) -> None:
    found = {name: lines_that_match(pattern, text) for name, text in _texts()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(("rule", "spared", "_"), RULES, ids=RULE_IDS)
def test_edgeq_keeps(rule: Rule, spared: frozenset[str], _: str) -> None:
    found = {
        sources.name(path): lines_that_break(rule, path.read_text(encoding="utf-8"))
        for path in sources.python_files("edgeq")
        if sources.name(path) not in spared
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(("rule", "_", "breach"), RULES, ids=RULE_IDS)
def test_each_rule_sees_a_breach(rule: Rule, _: frozenset[str], breach: str) -> None:
    assert lines_that_break(rule, f"pass\n{breach}\n") == [2]
    assert lines_that_break(rule, "raise EdgeqError('what')\n") == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (NOTE_TO_SELF, "x\n# TO" + "DO: later", [2]),
        (NOTE_TO_SELF, "mastodons", []),
        (MACHINE_PATH, 'open("/ho' + 'me/me/model")', [1]),
        (MACHINE_PATH, "cc -I/ro" + "ot/include", [1]),
        (MACHINE_PATH, "https://example.org/home/page and ../work/x", []),
    ],
)
def test_each_pattern_sees_what_it_means(
    pattern: re.Pattern[str], text: str, expected: list[int]
) -> None:
    assert lines_that_match(pattern, text) == expected
