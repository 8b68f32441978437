"""Whatever a model calls itself: C gets an identifier, and comments end where they should."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeq.emit.names import MAX_NAME, c_identifier, comment_text

KEYWORDS = (
    "auto break case char const for if int long return short static void while main class new"
)


@given(st.text())
def test_identifiers(text: str) -> None:
    name = c_identifier(text)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert len(name) <= MAX_NAME + len("model_")
    assert c_identifier(name) == name
    assert "__" not in name


@pytest.mark.parametrize("word", KEYWORDS.split())
def test_reserved_words(word: str) -> None:
    assert c_identifier(word) == f"model_{word}"
    assert c_identifier(word.upper()) == f"model_{word}"
    assert c_identifier(f"{word}1") == f"{word}1"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "model"),
        ("日本", "model"),
        ("person_detect", "person_detect"),
        ("../../etc/passwd", "etc_passwd"),
        ("a" * 100, "a" * MAX_NAME),
        ("2x", "model_2x"),
        ("Net (v2).tflite", "net_v2_tflite"),
    ],
)
def test_examples(text: str, name: str) -> None:
    assert c_identifier(text) == name


HOSTILE = st.text(alphabet='*/?\\"\n\r\té\x00 =-<>()abc', max_size=300) | st.text(max_size=300)


@given(HOSTILE, st.integers(10, 250))
def test_comments(text: str, limit: int) -> None:
    safe = comment_text(text, limit)
    assert len(safe) <= limit
    assert all(" " <= ch <= "~" for ch in safe)
    for mark in ("*/", "/*", "\\", '"', "??"):
        assert mark not in safe


@given(st.text(alphabet="*/\\", max_size=30))
@example("*\\")
def test_a_comment_ends_where_it_should(text: str) -> None:
    whole = f"/* {comment_text(text)} */"
    assert whole.index("*/") == len(whole) - 2
    assert whole.count("/*") == 1


def test_plain_text_stays() -> None:
    assert comment_text("conv 3x3 'stem', scale 0.5 (int8)") == "conv 3x3 'stem', scale 0.5 (int8)"
