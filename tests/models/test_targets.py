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
from tests.models.catalogue import COMPILED, LARGE, SMALL, Model, parameters

# The runs of a large model that are compared: each takes seconds in an emulator.
FEW = 1
_OTHERS = [target for name, target in TARGETS.items() if name not in ("host", "portable")]
APPLICATION = [target for target in _OTHERS if target.port == "hosted"]
BARE = [target for target in _OTHERS if target.port != "hosted"]


def compare(model: Model, target: Target, most: int | None) -> None:
    """Fail unless the C for a target gives the stored outputs of up to so many runs."""
    if target.runner is None:
        pytest.skip("the processor has no AVX2")
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)[:most]
    golden = samples.load_outputs(model.golden, lowered)[:most]
    stacked = [np.stack(arrays) for arrays in zip(*runs, strict=True)]
    found = edgeq.compile(graph, target)(*stacked)
    outputs = found if isinstance(found, tuple) else (found,)
    for want, have in zip(zip(*golden, strict=True), outputs, strict=True):
        np.testing.assert_array_equal(have, np.stack(want))


@pytest.mark.parametrize("target", APPLICATION, ids=lambda target: target.name)
@parameters(COMPILED)
def test_outputs_are_the_goldens(model: Model, target: Target) -> None:
    compare(model, target, FEW if model in LARGE else None)


@pytest.mark.parametrize("target", BARE, ids=lambda target: target.name)
@parameters(SMALL)
def test_outputs_without_an_operating_system(model: Model, target: Target) -> None:
    compare(model, target, FEW)
