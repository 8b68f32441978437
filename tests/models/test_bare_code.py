"""Code for processors without an operating system: compilers take it, and it fits its stack."""

from __future__ import annotations

import os

import pytest

import edgeq
from edgeq import reference
from edgeq.emit.project import sources
from edgeq.host.build import build_objects
from edgeq.host.machine import port_flags
from edgeq.host.toolchain import Compiler, identify
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, Target
from tests.models.catalogue import Model, parameters
from tests.models.projects import WARNINGS, need

BARE = [target for target in TARGETS.values() if target.port in ("cortex_m", "riscv32")]
# Convolutions of all shapes, residual adds, products, float ports.
MODELS = [
    Model(name)
    for name in (
        "mlperf_kws_ref_model",
        "mlperf_pretrainedResnet_quant",
        "mcu_ptq_mnist_lenet-300-100",
        "mltk_tflite_micro_magic_wand",
    )
]
PORT = str(runtime_dir() / "port")


def compiler(command: tuple[str, ...]) -> Compiler:
    """Return a compiler; skip the test where it is not installed."""
    need(command[0])
    found = identify(command, os.environ)
    assert found is not None
    return found


def commands(target: Target) -> dict[str, tuple[str, ...]]:
    """Return the commands of the two compilers of a target."""
    machine = "arm-none-eabi" if target.board else "riscv32-unknown-elf"
    return {"gcc": target.compilers[0].command, "clang": ("clang", f"--target={machine}")}


@pytest.mark.parametrize("family", ("gcc", "clang"))
@pytest.mark.parametrize("target", BARE, ids=lambda target: target.name)
@parameters(MODELS)
def test_both_compilers_take_it_without_warnings(model: Model, target: Target, family: str) -> None:
    compiled = edgeq.compile(edgeq.load(model.path), target)
    chosen = compiler(commands(target)[family])
    flags = (*WARNINGS, *target.flags, *port_flags(target, PORT))
    with build_objects(sources(compiled.program), compiler=chosen, flags=flags) as built:
        assert len(built.objects) == 2
        assert 0 < built.stack.bytes <= target.stack


def test_the_parts_of_layers_count() -> None:
    graph = edgeq.load(MODELS[0].path)
    compiled = edgeq.compile(graph, "cortex-m0", threads=3)
    stack = compiled.build().stack
    assert "mlperf_kws_ref_model_part" in stack.path
    painted = compiled.painted_stack(*reference.sample_inputs(graph))
    assert painted <= stack.bytes <= max(painted + 64, painted * 5 // 4)
