"""Finish every operation's numbers under a numerics profile. Floats end here."""

from __future__ import annotations

from edgeq.ir.graph import Graph, Operands
from edgeq.ir.profiles import Numerics, profile
from edgeq.ir.types import DType


def lower_arithmetic(graph: Graph) -> Graph:
    """Return the graph with each operation's integer ``arithmetic`` filled in."""
    numerics = profile(graph.numerics)
    return graph.with_ops(op.lower(io, followed(numerics, io)) for op, io in graph.walk())


def followed(numerics: Numerics, io: Operands) -> Numerics:
    """Return the profile of an operation: optimized libraries have their own kernels for bytes."""
    wide = any(tensor.dtype is DType.INT16 for tensor in (*io.ins, *io.outs))
    return profile(numerics.wide) if wide and numerics.wide else numerics
