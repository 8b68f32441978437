"""Tell integer networks from those that must be quantized first."""

from __future__ import annotations

from collections import Counter

from edgeq.errors import UnsupportedError
from edgeq.ir.graph import Graph, Operands
from edgeq.ops.base import Op

HINT = "quantize it first: edgeq quantize"
_SHOWN = 3


def require_integer(graph: Graph) -> Graph:
    """Return the graph unchanged; raise ``UnsupportedError`` when it computes in floating point.

    Conversions at the ends of an integer network do not count. The message says whether the
    weights are integers already, how many operations compute in float, and names some.
    """
    computing = [(op, io) for op, io in graph.walk() if op.COMPUTES]
    floats = [(op, io) for op, io in computing if _is_float(io)]
    if not floats:
        return graph
    counts = Counter(op.KIND for op, _ in floats)
    kinds = ", ".join(f"{kind} x{count}" for kind, count in counts.items())
    first = ", ".join(op.source or op.KIND for op, _ in floats[:_SHOWN])
    more = ", ..." if len(floats) > _SHOWN else ""
    raise UnsupportedError(
        f"{_kind(floats, len(computing))}: {len(floats)} of {len(computing)} operations compute "
        f"in floating point ({kinds}): {first}{more}",
        hint=HINT,
    )


def _is_float(io: Operands) -> bool:
    return any(tensor.dtype.is_float for tensor in (*io.ins, *io.outs))


def _kind(floats: list[tuple[Op, Operands]], computing: int) -> str:
    coded = (t for _, io in floats for t in io.ins if t.is_constant and t.dtype.is_quantized)
    if any(True for _ in coded):
        return "weight-only model (integer weights, float activations)"
    return "float model" if len(floats) == computing else "model that is partly float"
