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
from tests.models.catalogue import COMPILED, LARGE, MEDIUM, SMALL, Model, parameters

# The runs of a large model that are compared: each takes seconds in an emulator.
FEW = 1
_OTHERS = [target for name, target in TARGETS.items() if name not in ("host", "portable")]
APPLICATION = [target for target in _OTHERS if target.port == "hosted"]
BARE = [target for target in _OTHERS if target.port != "hosted"]
DISTINCT = [TARGETS[name] for name in ("cortex-m0", "cortex-m4", "cortex-m55")]


def compare(model: Model, target: Target, most: int | None) -> None:
    """Fail unless the C for a target gives the stored outputs of up to so many runs."""
    if target.runner is None:
        pytest.skip("the processor has no AVX2")
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    runs = samples.load_inputs(model.golden, lowered)[:most]
    golden = samples.load_outputs(model.golden, lowered)[:most]
    stacked = [np.stack(arrays) for arrays in zip(*runs, strict=True)]
    compiled = edgeq.compile(graph, target)
    found = compiled(*stacked)
    if not target.is_modelled:
        assert compiled.build().stack.bytes <= compiled.program.stack
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


# `python benchmarks/boards.py` runs every model on every one of them, which takes an hour.
@pytest.mark.parametrize("target", DISTINCT, ids=lambda target: target.name)
@parameters(MEDIUM)
def test_outputs_of_larger_models_on_one_board_of_each_kind(model: Model, target: Target) -> None:
    compare(model, target, FEW)


def test_outputs_of_a_network_larger_than_the_flash_of_its_board() -> None:
    # 4.4 MB of constants; the others of its size run there too.
    compare(Model("coral_mobilenet_v1_1.0_224_quant"), TARGETS["cortex-m4"], FEW)
