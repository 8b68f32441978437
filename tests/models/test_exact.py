"""Every real model: reference = generated C on each tensor, and both = the model's own runtime.

The goldens are of LiteRT's reference kernels, and of TFLite Micro where LiteRT refuses the file.
"""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import api, samples
from edgeq.ir.graph import Graph
from edgeq.verify import Verdict, verify_model
from tests.models.catalogue import COMPILED, SMALL, Model, parameters


def verdict_of(model: Model, target: str) -> tuple[Verdict, Graph]:
    """Return the verdict over all golden runs, and the graph that ran."""
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)
    golden = samples.load_outputs(model.golden, lowered)
    compiled = edgeq.compile(graph, target)
    return verify_model(lowered, compiled, runs, golden), lowered


def check(model: Model, target: str) -> None:
    verdict, lowered = verdict_of(model, target)
    assert verdict.difference is None, str(verdict.difference)
    # Nothing was left out: every run, every output value, every layer's tensors.
    with np.load(model.golden) as stored:
        outputs = [stored[f"output{index}"] for index in range(len(lowered.outputs))]
    assert verdict.runs == len(outputs[0])
    assert verdict.golden_values == sum(array.size for array in outputs)
    assert verdict.differing_golden_values == 0
    assert verdict.tensors > 0 and verdict.values > 0


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


def test_the_models_that_carry_the_most_are_here() -> None:
    # A catalogue that shrinks would make every test above pass.
    assert len(COMPILED) == len(set(COMPILED)) == 39


pytestmark: list[pytest.MarkDecorator] = []
