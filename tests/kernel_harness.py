"""One layer through the whole back end: plan, emit, build, run between guard zones, compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgeq import reference
from edgeq.emit.project import sources
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import Numerics, profile
from edgeq.ir.verify import verify
from edgeq.ops.base import Op
from edgeq.plan.plan import plan
from edgeq.targets import Target
from edgeq.targets import target as find_target
from edgeq.targets.base import NATIVE
from edgeq.targets.host import HOST

# Every level of optimization must give the same bits, and this one does so soonest.
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror")
QUICK = Target("quick", "built in little time", ("portable",), 8, ("-O1", *WARNINGS), NATIVE)

# Kernels are tested where the machine's own would take their place.
PORTABLE = replace(HOST, isas=("portable",), isa_flags=())


def one_op_graph(
    op: Op, tensors: Mapping[str, Tensor], numerics: str | Numerics = "gemmlowp"
) -> Graph:
    """Return a verified, lowered graph of one operation; its inputs are what is not constant."""
    inputs = tuple(dict.fromkeys(n for n in op.inputs if not tensors[n].is_constant))
    named = numerics if isinstance(numerics, str) else "gemmlowp"
    graph = verify(Graph("layer", tensors, (op,), inputs, op.outputs, named))
    chosen = profile(numerics) if isinstance(numerics, str) else numerics
    lowered = [op.lower(io, chosen) for op, io in graph.walk()]
    return graph.with_ops(lowered)


def compile_layer(graph: Graph, target: str | Target = PORTABLE) -> Compiled:
    """Return the compiled form of a lowered graph."""
    chosen = find_target(target) if isinstance(target, str) else target
    program = plan(graph, chosen, "0" * 64)
    return Compiled(program, sources(program), graph.tensors, target=chosen)


def check_layer(
    op: Op,
    tensors: Mapping[str, Tensor],
    runs: Sequence[Sequence[np.ndarray]],
    *,
    numerics: str | Numerics = "gemmlowp",
    target: str | Target = PORTABLE,
    kernel: str | None = None,
) -> Compiled:
    """Fail unless the generated C equals the reference on every run; return the compiled layer.

    ``kernel`` names the row that must have been chosen.
    """
    graph = one_op_graph(op, tensors, numerics)
    compiled = compile_layer(graph, target)
    if kernel is not None:
        assert [call.kernel for call in compiled.program.calls] == [kernel]
    for arrays in runs:
        expected = reference.run(graph, arrays)
        got = compiled(*arrays)
        results = got if isinstance(got, tuple) else (got,)
        for want, have in zip(expected, results, strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_array_equal(have, want)
    return compiled
