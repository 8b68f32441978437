"""Random networks: every pass keeps all bits, and the generated C has those of the reference.

``EDGEQ_RANDOM_GRAPHS`` asks for more of them, ``EDGEQ_RANDOM_FIRST`` for others.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from edgeq import reference
from edgeq.emit.project import sources
from edgeq.emit.sharing import Scope, share
from edgeq.frontends import npz
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph
from edgeq.ir.text import graph_text
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.pipeline import run_passes
from edgeq.plan.plan import plan
from edgeq.verify import verify_model
from tests.kernel_harness import QUICK
from tests.plan.oracle import check_program
from tests.random_graphs import random_graph

FIRST = int(os.environ.get("EDGEQ_RANDOM_FIRST", "0"))
COMPILED = range(FIRST, FIRST + int(os.environ.get("EDGEQ_RANDOM_GRAPHS", "25")))
EVALUATED = range(FIRST, FIRST + 6 * len(COMPILED))
SCOPES: tuple[Scope, ...] = ("layer", "equal", "kernel")
RUNS = 3


def _samples(graph: Graph) -> list[tuple[np.ndarray, ...]]:
    return [reference.sample_inputs(graph, seed) for seed in range(RUNS)]


@pytest.mark.parametrize("seed", EVALUATED)
def test_passes_keep_all_bits(seed: int) -> None:
    graph = random_graph(seed)
    samples = _samples(graph)
    stages: dict[str, Graph] = {}
    run_passes(graph, observe=lambda name, stage: stages.update({name: stage}))
    finished = lower_arithmetic(graph)
    for name, stage in stages.items():
        ready = stage if name == "lower_arithmetic" else lower_arithmetic(stage)
        for arrays in samples:
            expected, got = reference.run(finished, arrays), reference.run(ready, arrays)
            for want, have in zip(expected, got, strict=True):
                np.testing.assert_array_equal(have, want, err_msg=name, strict=True)


@pytest.mark.parametrize("seed", EVALUATED)
def test_the_file_format_keeps_everything(seed: int) -> None:
    graph = random_graph(seed)
    again = npz.read_npz(npz.graph_bytes(graph), graph.name)
    assert graph_text(again) == graph_text(graph)
    assert [op.source for op in again.ops] == [op.source for op in graph.ops]


@pytest.mark.parametrize("seed", EVALUATED)
def test_plans_move_the_right_bytes(seed: int) -> None:
    lowered = run_passes(random_graph(seed))
    check_program(lowered, plan(lowered, QUICK, ""))


@pytest.mark.parametrize("seed", COMPILED)
def test_c_equals_the_reference(seed: int) -> None:
    lowered = run_passes(random_graph(seed))
    program = share(plan(lowered, QUICK, ""), SCOPES[seed % len(SCOPES)])
    compiled = Compiled(program, sources(program), lowered.tensors, QUICK)
    samples = _samples(lowered)
    kept = [[array.copy() for array in arrays] for arrays in samples]
    verdict = verify_model(lowered, compiled, samples)
    assert verdict.difference is None, str(verdict.difference)
    assert verdict.runs == RUNS
    for before, after in zip(kept, samples, strict=True):
        for want, have in zip(before, after, strict=True):
            np.testing.assert_array_equal(have, want)
