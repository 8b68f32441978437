"""Which operators of a format become each operation, for listings."""

from __future__ import annotations

from collections.abc import Mapping


def by_operation(kinds: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the operators that become each operation, of the operations of each operator.

    >>> by_operation({"Clip": ("relu",), "Relu": ("relu",)})
    {'relu': ['Clip', 'Relu']}
    """
    found: dict[str, list[str]] = {}
    for code, made in kinds.items():
        for kind in made:
            found.setdefault(kind, []).append(code)
    return found
