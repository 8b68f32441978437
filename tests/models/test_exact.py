"""Every real model: reference = generated C on each tensor, and both = the model's own runtime.

The goldens are of LiteRT's reference kernels, and of TFLite Micro where LiteRT refuses the file.
"""

from __future__ import annotations

import numpy as np

import edgeq
from edgeq import api, samples
from edgeq.host.sizes import stack_bytes
from edgeq.targets import target as find_target
from edgeq.verify import verify_model
from tests.models.arena import check_arena
from tests.models.catalogue import COMPILED, SMALL, Model, parameters


def check(model: Model, target: str) -> None:
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)
    golden = samples.load_outputs(model.golden, lowered)
    compiled = edgeq.compile(graph, target)
    verdict = verify_model(lowered, compiled, runs, golden)
    assert verdict.difference is None, str(verdict.difference)
    # Nothing was left out: every run, every value of the goldens, every tensor that a layer writes.
    with np.load(model.golden) as stored:
        outputs = [stored[f"output{index}"] for index in range(len(lowered.outputs))]
    assert verdict.runs == len(outputs[0])
    assert verdict.golden_values == sum(array.size for array in outputs)
    assert verdict.tensors == sum(len(call.outputs) for call in compiled.program.calls)
    check_arena(lowered, compiled.program, compiled.target)
    # Empty where the compiler writes no such report.
    assert stack_bytes(compiled.build().stack_usage) <= find_target(target).stack


@parameters(COMPILED)
def test_reference_and_c_and_golden_are_equal_on_this_machine(model: Model) -> None:
    check(model, "host")


@parameters(SMALL)
def test_portable_code_is_equal_too(model: Model) -> None:
    check(model, "portable")


def test_a_single_wrong_golden_value_is_noticed() -> None:
    model = Model("mlperf_kws_ref_model")
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)
    golden = [
        tuple(array.copy() for array in run) for run in samples.load_outputs(model.golden, lowered)
    ]
    golden[1][0].reshape(-1)[5] ^= 1
    verdict = verify_model(lowered, edgeq.compile(graph), runs, golden)
    assert verdict.differing_golden_values == 1
    assert verdict.difference is not None
    assert (verdict.difference.run, verdict.difference.index) == (1, (0, 5))
