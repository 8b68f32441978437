"""Text that is safe to show: names come from model files."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return text whose control characters are escaped: a terminal would obey them.

    >>> printable("one\x1b[2J\ntwo")
    'one\\x1b[2J\ntwo'
    """
    return "".join(
        ch if ch.isprintable() or ch == "\n" else ch.encode("unicode_escape").decode("ascii")
        for ch in text
    )
