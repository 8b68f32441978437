"""Every real model on every processor: the C gives the outputs of the model's own runtime.

Emulated code runs between guard zones. Code for AVX-512 VNNI runs through a model of its
intrinsics where the processor lacks them.
"""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import api, reference, samples
from edgeq.host.compiled import Compiled
from edgeq.ir.graph import Graph
from edgeq.targets import TARGETS, Target
from tests.models.arena import check_arena
from tests.models.catalogue import COMPILED, LARGE, MEDIUM, SMALL, Model, parameters

# The runs of a large model that are compared: each takes seconds in an emulator.
FEW = 1
_OTHERS = [target for name, target in TARGETS.items() if name not in ("host", "portable")]
APPLICATION = [target for target in _OTHERS if target.port == "hosted"]
BARE = [target for target in _OTHERS if target.port != "hosted"]
DISTINCT = [TARGETS[name] for name in ("cortex-m0", "cortex-m4", "cortex-m55")]
RISCV32 = TARGETS["riscv32"]
# Convolutions of all shapes, residual adds, products, float ports, means, logarithms, views.
PAINTED = tuple(
    map(
        Model,
        (
            "mlperf_kws_ref_model",
            "mlperf_pretrainedResnet_quant",
            "mcu_ptq_mnist_lenet-300-100",
            "mltk_tflite_micro_magic_wand",
            "mcu_vww",
            "tflm_person_detect",
            "tflm_hello_world_int8",
            "coral_split_concat",
        ),
    )
)


def compare(model: Model, target: Target, most: int | None) -> tuple[Graph, Compiled]:
    """Fail unless the C for a target gives the stored outputs of up to so many runs.

    Return the lowered graph and the compiled network.
    """
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
    return lowered, compiled


def check_stack(lowered: Graph, compiled: Compiled) -> None:
    """Fail unless a run takes the stack that the compiler says, and little less."""
    stack = compiled.build().stack
    painted = compiled.painted_stack(*reference.sample_inputs(lowered))
    assert painted <= stack.bytes <= compiled.program.stack
    assert stack.bytes <= max(painted + 64, painted * 5 // 4)
    assert stack.path[0].startswith(compiled.program.name)


@pytest.mark.parametrize("target", APPLICATION, ids=lambda target: target.name)
@parameters(COMPILED)
def test_outputs_are_the_goldens(model: Model, target: Target) -> None:
    lowered, compiled = compare(model, target, FEW if model in LARGE else None)
    check_arena(lowered, compiled.program, target)


@pytest.mark.parametrize("target", BARE, ids=lambda target: target.name)
@parameters(SMALL)
def test_outputs_without_an_operating_system(model: Model, target: Target) -> None:
    lowered, compiled = compare(model, target, FEW)
    check_arena(lowered, compiled.program, target)
    if model in PAINTED and target in (*DISTINCT, RISCV32):
        check_stack(lowered, compiled)


# `python benchmarks/boards.py` runs every model on every one of them, which takes an hour.
@pytest.mark.parametrize("target", DISTINCT, ids=lambda target: target.name)
@parameters(MEDIUM)
def test_outputs_of_larger_models_on_one_board_of_each_kind(model: Model, target: Target) -> None:
    lowered, compiled = compare(model, target, FEW)
    if model in PAINTED:
        check_stack(lowered, compiled)


@parameters([model for model in PAINTED if model in MEDIUM])
def test_outputs_of_larger_models_without_a_board(model: Model) -> None:
    check_stack(*compare(model, RISCV32, FEW))


def test_outputs_of_a_network_larger_than_the_flash_of_its_board() -> None:
    # 4.4 MB of constants; the others of its size run there too.
    compare(Model("coral_mobilenet_v1_1.0_224_quant"), TARGETS["cortex-m4"], FEW)
