"""Every real model on every processor: the C gives the outputs of the model's own runtime.

Emulated code runs between guard zones. Code for AVX-512 VNNI runs through a model of its
intrinsics where the processor lacks them.
"""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import api, samples
from edgeq.targets import TARGETS, Target
from tests.models.catalogue import COMPILED, LARGE, Model, parameters

# The runs of a large model that are compared: each takes seconds in an emulator.
FEW = 1
OTHERS = [target for name, target in TARGETS.items() if name not in ("host", "portable")]


def skip_unless_runnable(target: Target) -> None:
    """Skip the test of code that this machine neither runs nor emulates."""
    if target.runner is None:
        pytest.skip("the processor has no AVX2")


@pytest.mark.parametrize("target", OTHERS, ids=lambda target: target.name)
@parameters(COMPILED)
def test_outputs_are_the_goldens(model: Model, target: Target) -> None:
    skip_unless_runnable(target)
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)
    golden = samples.load_outputs(model.golden, lowered)
    count = FEW if model in LARGE else len(runs)
    stacked = [np.stack(arrays) for arrays in zip(*runs[:count], strict=True)]
    found = edgeq.compile(graph, target)(*stacked)
    outputs = found if isinstance(found, tuple) else (found,)
    for want, have in zip(zip(*golden[:count], strict=True), outputs, strict=True):
        np.testing.assert_array_equal(have, np.stack(want))
