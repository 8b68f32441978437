"""The table of operators that can be read, which the ``ops_*`` modules fill."""

from __future__ import annotations

from collections.abc import Callable

from edgeq.frontends.onnx.node import Node

# Adds operations to the graph that ``node.build`` builds, and says what the node's outputs are.
Convert = Callable[[Node], None]

CONVERTERS: dict[str, Convert] = {}


def converts(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``CONVERTERS`` under the names that the format gives operators."""

    def enter(function: Convert) -> Convert:
        CONVERTERS.update(dict.fromkeys(codes, function))
        return function

    return enter


# Of nodes that read codes, and of float ones that read what DequantizeLinear makes of codes.
CODES: dict[str, Convert] = {}
ISLANDS: dict[str, Convert] = {}


def converts_codes(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``CODES``."""

    def enter(function: Convert) -> Convert:
        CODES.update(dict.fromkeys(codes, function))
        return function

    return enter


def converts_islands(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``ISLANDS``."""

    def enter(function: Convert) -> Convert:
        ISLANDS.update(dict.fromkeys(codes, function))
        return function

    return enter
