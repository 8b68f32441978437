"""Finish every operation's numbers under a numerics profile. Floats end here."""

from __future__ import annotations

from edgeq.ir.graph import Graph
from edgeq.ir.profiles import profile


def lower_arithmetic(graph: Graph) -> Graph:
    """Return the graph with each operation's integer ``arithmetic`` filled in."""
    numerics = profile(graph.numerics)
    return graph.with_ops(op.lower(io, numerics) for op, io in graph.walk())
