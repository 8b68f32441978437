"""Operands of inline assembler: a compiler may give an input the register of an output.

It does so where it knows that both begin with the same number, unless the output is marked as
written before all inputs are read: ``&``. In a block of several instructions each output is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.style.sources import ROOT

HEADERS = sorted((ROOT / "runtime" / "include").glob("*.h"))
BEGIN = re.compile(r"__asm(?:__)?\b\s*(?:__volatile__|volatile)?\s*\(")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
OUTPUT = re.compile(r'"([=+][^"]*)"')


def sections(text: str, start: int) -> list[str]:
    """Return the parts of a statement whose bracket is open at ``start``, split at its colons."""
    parts, depth, at = [""], 1, start
    while True:
        string = STRING.match(text, at)
        piece = string[0] if string else text[at]
        at += len(piece)
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(piece, 0)
        if depth == 0:
            return parts
        if piece == ":" and depth == 1:
            parts.append("")
        else:
            parts[-1] += piece


def blocks(text: str) -> Iterator[tuple[bool, list[str], str]]:
    """Yield whether a block has several instructions, constraints of its outputs, its inputs."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).replace("\\\n", "\n")
    for found in BEGIN.finditer(text):
        template, *rest = sections(text, found.end())
        outputs, inputs = (*rest, "", "")[:2]
        # A macro may stand for any number of instructions; what is quoted by # is a number.
        macros = re.sub(r"#\w+", "", STRING.sub("", template)).strip()
        lines = [
            line for line in "".join(STRING.findall(template)).split("\\n") if line.strip('"\\t ')
        ]
        yield bool(macros) or len(lines) > 1, OUTPUT.findall(outputs), inputs.strip()


def careless(text: str) -> list[str]:
    """Return constraints of outputs that may share the register of an input."""
    return [
        constraint
        for several, outputs, inputs in blocks(text)
        if several and inputs
        for constraint in outputs
        if "&" not in constraint
    ]


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_outputs_share_no_register_with_inputs(header) -> None:
    assert careless(header.read_text(encoding="utf-8")) == []


def test_the_search_finds_them() -> None:
    loop = '__asm__ volatile("1:\\n\\t" "ldr r8, [%0], #4\\n\\t" "bne 1b" : "+r"(x) : "r"(end(x)));'
    assert careless(loop) == ["+r"]
    assert careless(loop.replace("+r", "+&r")) == []
    assert careless(loop.replace(' : "r"(end(x))', ' : : "cc"')) == []
    assert careless('__asm__("add %0, %0, %1" : "+r"(a) : "r"(b));') == []
    assert careless('__asm__(ADD : "=r"(a) : "r"(b));') == ["=r"]
