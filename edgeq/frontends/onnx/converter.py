"""The tables of operators that can be read, which the ``ops_*`` modules fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgeq.frontends.onnx.node import Node

# Adds operations to the graph that ``node.build`` builds, and says what the node's outputs are.
Convert = Callable[[Node], None]

CONVERTERS: dict[str, Convert] = {}
# Of nodes that read codes, and of float ones that read what DequantizeLinear makes of codes.
CODES: dict[str, Convert] = {}
ISLANDS: dict[str, Convert] = {}


def converts(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``CONVERTERS`` under the names that the format gives operators."""
    return _enters(CONVERTERS, codes)


def converts_codes(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``CODES``."""
    return _enters(CODES, codes)


def converts_islands(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``ISLANDS``."""
    return _enters(ISLANDS, codes)


def _enters(table: dict[str, Convert], codes: Iterable[str]) -> Callable[[Convert], Convert]:
    def enter(function: Convert) -> Convert:
        table.update(dict.fromkeys(codes, function))
        return function

    return enter
