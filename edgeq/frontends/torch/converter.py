"""The table of operators that can be read, which the ``ops_*`` modules fill."""

from __future__ import annotations

from collections.abc import Callable

from edgeq.frontends.torch.node import Node

# Adds operations to the graph that ``node.build`` builds, and says what the node's outputs are.
Convert = Callable[[Node], None]

CONVERTERS: dict[str, Convert] = {}


def converts(*codes: str) -> Callable[[Convert], Convert]:
    """Enter a function into ``CONVERTERS`` under the names that ATen gives operators."""

    def enter(function: Convert) -> Convert:
        CONVERTERS.update(dict.fromkeys(codes, function))
        return function

    return enter
