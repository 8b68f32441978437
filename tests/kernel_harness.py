"""One layer through the whole back end: plan, emit, build, run between guard zones, compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq import reference
from edgeq.emit.project import sources
from edgeq.emit.sharing import Scope, share
from edgeq.host.compiled import Compiled
from edgeq.host.runners import compiled_for
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.profiles import Numerics, profile
from edgeq.ir.verify import verify
from edgeq.ops.base import Op
from edgeq.plan.plan import plan
from edgeq.plan.program import Call, Program
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


def compile_layer(
    graph: Graph, target: str | Target = PORTABLE, by: Scope | None = None
) -> Compiled:
    """Return the compiled form of a lowered graph, whose layers may share functions."""
    chosen = find_target(target) if isinstance(target, str) else target
    program = plan(graph, chosen, "0" * 64)
    program = program if by is None else share(program, by)
    return compiled_for(program, sources(program), graph.tensors, chosen)


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


@dataclass(frozen=True, eq=False)
class Case:
    """One layer, the runs to compare, and the kernel row that must be chosen for it."""

    op: Op
    tensors: Mapping[str, Tensor]
    runs: Sequence[Sequence[np.ndarray]]
    kernel: str | None = None
    numerics: str | Numerics = "gemmlowp"


def check_layers(cases: Sequence[Case], target: str | Target, by: Scope | None = None) -> Compiled:
    """Fail unless each layer's C equals the reference; return all, compiled as one network.

    The layers are independent: every input and output is memory of its own, between guard zones.
    One build and one run of an emulator serve all; every case has as many runs as the first.
    """
    graphs = [one_op_graph(case.op, case.tensors, case.numerics) for case in cases]
    compiled = compile_layer(side_by_side(graphs), target, by)
    for case, call in zip(cases, _in_order(compiled.program), strict=True):
        assert case.kernel in (None, call.kernel), call.source
    for turn in range(len(cases[0].runs)):
        arrays = [array for case in cases for array in case.runs[turn]]
        results = compiled(*arrays)
        got = iter(results if isinstance(results, tuple) else (results,))
        for graph, case in zip(graphs, cases, strict=True):
            for want in reference.run(graph, case.runs[turn]):
                have = next(got)
                assert have.dtype == want.dtype
                np.testing.assert_array_equal(have, want, err_msg=str(case.op))
    return compiled


def _in_order(program: Program) -> list[Call]:
    """Return the calls by their output: the plan may have chosen another order."""
    return sorted(program.calls, key=lambda call: int(call.outputs[0].split("_")[0][1:]))


def side_by_side(graphs: Sequence[Graph]) -> Graph:
    """Return one graph of many lowered ones; names get the prefix ``c<number>_``."""
    tensors: dict[str, Tensor] = {}
    ops: list[Op] = []
    ports: tuple[list[str], list[str]] = ([], [])
    for number, graph in enumerate(graphs):

        def named(names: Sequence[str], number: int = number) -> tuple[str, ...]:
            return tuple(f"c{number}_{name}" for name in names)

        for name, tensor in graph.tensors.items():
            tensors[f"c{number}_{name}"] = replace(tensor, name=f"c{number}_{name}")
        ops += [replace(op, inputs=named(op.inputs), outputs=named(op.outputs)) for op in graph.ops]
        ports[0].extend(named(graph.inputs))
        ports[1].extend(named(graph.outputs))
    return verify(Graph("layers", tensors, tuple(ops), tuple(ports[0]), tuple(ports[1])))
