"""AVX-512 VNNI here: by the processor, through the model in C, or not at all."""

from __future__ import annotations

import dataclasses
from io import StringIO

import pytest
from rich.console import Console

from edgeq import api, reference
from edgeq.errors import TargetError
from edgeq.host.profile import require_clock
from edgeq.report import facts, terminal
from edgeq.targets import TARGETS
from edgeq.targets.x86_vnni import FLAGS, X86_VNNI, vnni_target
from edgeq.verify import verify_model
from tests.kernels.x86_vnni.forms import needs_avx2
from tests.small_networks import network

MODEL = vnni_target(avx2=True, vnni=False)
NATIVE = vnni_target(avx2=True, vnni=True)


def shown(tables: object) -> str:
    console = Console(file=StringIO(), width=400)
    console.print(*tables)
    return console.file.getvalue()


def test_the_processor_comes_before_the_model() -> None:
    assert NATIVE.is_native and not NATIVE.is_modelled
    assert NATIVE.flags[-len(FLAGS) :] == FLAGS
    assert MODEL.is_native and MODEL.is_modelled
    assert not any(flag.startswith("-mavx512") for flag in MODEL.flags)
    assert MODEL.isa_flags == NATIVE.isa_flags
    assert vnni_target(avx2=False, vnni=False).runner is None
    assert TARGETS["x86-vnni"] is X86_VNNI


def test_a_model_needs_a_machine_to_run_on() -> None:
    with pytest.raises(TargetError, match="runs here or nowhere"):
        dataclasses.replace(MODEL, runner=None)


def test_a_model_has_no_time() -> None:
    require_clock(NATIVE)
    with pytest.raises(TargetError, match="lacks its instructions"):
        require_clock(MODEL)


@needs_avx2
def test_verification_says_that_it_went_through_the_model() -> None:
    graph = network()
    lowered = api.lower(graph)
    compiled = api.compile(graph, MODEL)
    # What a user gets is made for the processor, without the model.
    assert compiled.program.flags == FLAGS
    assert not any("model" in path for path in compiled.files)
    verdict = verify_model(lowered, compiled, [reference.sample_inputs(lowered, 0)])
    found = facts.verification([verdict])
    assert found["passed"] and found["targets"][0]["modelled"]
    assert "x86-vnni (through a model of its instructions)" in shown(terminal.verification(found))
    native = facts.verification([dataclasses.replace(verdict, modelled=False)])
    assert "model" not in shown(terminal.verification(native))
