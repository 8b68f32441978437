"""Names for tensors that a pass adds."""

from __future__ import annotations

from collections.abc import Container


def unused(name: str, taken: Container[str]) -> str:
    """Return ``name``, with as many primes as no tensor of the graph has yet.

    >>> unused("x:int8", {"x"}), unused("x:int8", {"x", "x:int8"})
    ('x:int8', "x:int8'")
    """
    while name in taken:
        name += "'"
    return name
