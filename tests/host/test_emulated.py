"""Networks for other processors: the bits of the reference, and errors that name the cause."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api, reference, samples
from edgeq.emit.project import sources
from edgeq.emit.runner import network_header
from edgeq.errors import ModelError, TargetError, ToolchainError, VerifyError
from edgeq.host import emulated as emulated_module
from edgeq.host.emulated import Emulated
from edgeq.host.runners import compiled_for
from edgeq.ir.graph import Graph
from edgeq.resources import runtime_dir
from edgeq.targets import TARGETS, target
from edgeq.verify import verify_models
from tests import small_networks
from tests.host import tiny
from tests.models.catalogue import Model, parameters
from tests.models.projects import WARNINGS, need
from tests.style.sources import ROOT

NAMES = [each.name for each in TARGETS.values() if each.is_emulated]
MODELS = [
    Model(name)
    for name in (
        "mlperf_kws_ref_model",
        "mlperf_pretrainedResnet_quant",
        "mltk_tflite_micro_magic_wand",
        "tflm_hello_world_int8",
        "tflm_micro_speech_quantized",
    )
]
# The Debian packages of compilers, by the first word of a target.
PACKAGES = {
    "aarch64": "gcc-aarch64-linux-gnu",
    "armv7": "gcc-arm-linux-gnueabihf",
    "cortex": "gcc-arm-none-eabi",
    "riscv32": "gcc-riscv64-unknown-elf",
    "hexagon": "clang-19 lld-19",
}
A = np.array([1, -2, 3, 127], np.int8)
B = np.array([[10, 20], [-300, 4000]], np.int16)
SCALED = (A.astype(np.int32) + B.reshape(4)) * np.array([1, 10, 100, -1000], np.int32)


def network(files=tiny.FILES, processor="aarch64", **changes) -> Emulated:
    """Return the tiny model for an emulated processor."""
    chosen = dataclasses.replace(target(processor), **changes)
    compiled = compiled_for(tiny.PROGRAM, files, tiny.TENSORS, chosen)
    assert isinstance(compiled, Emulated)
    return compiled


@pytest.fixture(scope="module")
def emulated() -> Emulated:
    return network()


def check(graph: Graph, runs, golden=None) -> None:
    """Compare every tensor of every run, on all emulated targets."""
    lowered = api.lower(graph)
    compiled = [edgeq.compile(graph, name) for name in NAMES]
    verdicts = verify_models(lowered, compiled, runs, golden)
    assert [verdict.target for verdict in verdicts] == NAMES
    for verdict, each in zip(verdicts, compiled, strict=True):
        assert verdict.difference is None, str(verdict.difference)
        assert verdict.runs == len(runs)
        assert verdict.tensors == sum(len(call.outputs) for call in each.program.calls)


@parameters(MODELS)
def test_real_models_have_the_same_bits(model: Model) -> None:
    graph = edgeq.load(model.path)
    runs = samples.load_inputs(model.golden, graph)[:2]
    golden = samples.load_outputs(model.golden, graph)[:2]
    check(graph, runs, golden)


@pytest.mark.parametrize("build", (small_networks.network, small_networks.pair))
def test_small_networks_have_the_same_bits(build) -> None:
    graph = build()
    check(graph, [reference.sample_inputs(graph, seed) for seed in range(2)])


def _clang(name: str) -> str:
    """Return the command by which Clang builds for a target; nothing where it lacks libraries."""
    commands = (each.command for each in target(name).compilers)
    return next((" ".join(words) for words in commands if words[0] == "clang"), "")


def test_other_compilers_give_the_same_bits() -> None:
    graph = small_networks.network()
    lowered = api.lower(graph)
    inputs = reference.sample_inputs(graph)
    commands = {name: _clang(name) for name in NAMES}
    assert commands["aarch64"] and commands["armv7-neon"]
    for name, clang in commands.items():
        chosen = target(name)
        program = api.program_of(graph, lowered, chosen)
        if not clang:
            continue
        compiled = compiled_for(program, sources(program), lowered.tensors, chosen, compiler=clang)
        assert verify_models(lowered, [compiled], [inputs])[0].passed


@pytest.mark.parametrize("name", ("aarch64", "armv7-neon", "cortex-m4", "riscv32"))
def test_a_sequence_of_runs_is_one_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = small_networks.pair()
    compiled = edgeq.compile(graph, name)
    runs = [reference.sample_inputs(graph, seed) for seed in range(5)]
    calls = []
    real = subprocess.run
    compiled.build()
    monkeypatch.setattr(
        emulated_module.subprocess, "run", lambda *a, **k: calls.append(a) or real(*a, **k)
    )
    stacked = compiled(*(np.stack(arrays) for arrays in zip(*runs, strict=True)))
    assert len(calls) == 1
    for i, inputs in enumerate(runs):
        for mine, wanted in zip(stacked, reference.run(api.lower(graph), inputs), strict=True):
            np.testing.assert_array_equal(mine[i], wanted, strict=True)


def test_outputs_are_arrays_of_their_own(emulated: Emulated) -> None:
    scaled, places = emulated(A, B)
    np.testing.assert_array_equal(scaled, SCALED, strict=True)
    assert places.dtype == np.int64 and places.shape == (2,)
    scaled += 1
    none = emulated(np.zeros((0, 4), np.int8), np.zeros((0, 2, 2), np.int16))
    assert [each.shape for each in none] == [(0, 4), (0, 2)]
    assert emulated.build() is emulated.build()


def test_every_tensor_by_name(emulated: Emulated) -> None:
    found = emulated.tensors(A, B)
    assert list(found) == ["sum", "scaled", "places"]
    np.testing.assert_array_equal(found["sum"], A.astype(np.int32).reshape(2, 2) + B, strict=True)
    np.testing.assert_array_equal(found["scaled"], SCALED, strict=True)


def test_ports_are_aligned_for_their_type_and_for_nothing_coarser(emulated: Emulated) -> None:
    first, second = emulated(A, B)[1]
    assert first % 2 == 1
    assert second % 8 == 4


def test_inputs_that_do_not_fit(emulated: Emulated) -> None:
    with pytest.raises(ModelError, match="1 inputs given"):
        emulated(A)
    with pytest.raises(ModelError, match="one run is expected"):
        emulated.tensors(A[None], B[None])


@pytest.mark.parametrize(
    ("statement", "message"),
    (
        ("ctx->arena[TINY_ARENA_BYTES] = 0;", "its arena of 64 bytes, at offset 64"),
        ("ctx->arena[-1] = 0;", "its arena of 64 bytes, at offset -1"),
        ("((char *)ctx->output[0])[20] = 0;", "output 'scaled' of 16 bytes, at offset 20"),
        ("((char *)ctx->output[1])[-4096] = 0;", "output 'places' of 16 bytes, at offset -4096"),
        ("return 4;", r"tiny_run\w* returned 4: no such layer"),
    ),
)
def test_code_that_does_wrong_is_an_error(statement: str, message: str) -> None:
    bad = network(tiny.misbehaving(statement))
    for method in (bad, bad.tensors):
        with pytest.raises(VerifyError, match=message) as caught:
            method(A, B)
        assert caught.value.where == "tiny"


def test_a_crash_is_an_error_that_names_the_layer() -> None:
    bad = network(tiny.misbehaving("if (layer == 1) { *(volatile int *)8 = layer; }"))
    with pytest.raises(ToolchainError, match=r"tiny on qemu-aarch64: .* stopped by SIGSEGV$"):
        bad(A, B)
    with pytest.raises(ToolchainError, match=r"stopped by SIGSEGV in layer 1 \(l01_scale\)"):
        bad.tensors(A, B)
    # An emulator that dumps core does so in the folder that goes away.
    assert not list(Path().glob("*.core"))


def test_an_instruction_that_the_processor_lacks() -> None:
    files = tiny.misbehaving('__asm__(".arch armv8.2-a+dotprod\\nsdot v0.4s, v1.16b, v2.16b");')
    with pytest.raises(ToolchainError, match=r"illegal instruction: '-cpu cortex-a53' lacks it"):
        network(files)(A, B)
    network(files, "aarch64-dotprod")(A, B)


def test_a_processor_that_the_emulator_does_not_know() -> None:
    with pytest.raises(ToolchainError, match="cortex-a999"):
        network(runner_arguments=("-cpu", "cortex-a999"))(A, B)


def test_code_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulated_module, "_SECONDS", 0)
    with pytest.raises(ToolchainError, match="did not end in 1 seconds"):
        network(tiny.misbehaving("for (volatile int i = 0;; i = layer) { }"))(A, B)


def test_time_is_refused(emulated: Emulated) -> None:
    with pytest.raises(TargetError, match="no time can be measured for target 'aarch64'") as caught:
        emulated.profile(A, B)
    assert "'edgeq bench' counts its executed instructions" in caught.value.hint
    with pytest.raises(TargetError, match="does not run on this machine"), emulated.session():
        pass


@pytest.mark.parametrize("name", NAMES)
def test_without_its_tools_a_target_says_what_to_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    nothing = network(processor=name)
    with pytest.raises(ToolchainError, match=f"'{name}': no compiler found") as compiler:
        nothing.build()
    assert f"apt-get install {PACKAGES[name.partition('-')[0]]}" in compiler.value.hint
    assert "pip install ziglang" in compiler.value.hint
    with pytest.raises(ToolchainError, match=r"emulator 'qemu-[a-z0-9-]+' not found") as emulator:
        nothing(A, B)
    system = "qemu-system-arm" if target(name).board else "qemu-user"
    assert emulator.value.hint == f"apt-get install {system}"


PORT = f"-I{runtime_dir() / 'port'}"


def test_the_program_is_clean_and_formatted_c99(tmp_path: Path) -> None:
    (tmp_path / "tiny.h").write_text(tiny.HEADER)
    (tmp_path / "edgeq-network.h").write_text(network_header(tiny.PROGRAM, tiny.TENSORS))
    (tmp_path / "main.c").write_text((runtime_dir() / "runner.c").read_text())
    for compiler in ("gcc", "clang"):
        command = (need(compiler), *WARNINGS, "-I.", PORT, "-c", "main.c", "-o", "main.o")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    style = f"--style=file:{ROOT / '.clang-format'}"
    for name in ("main.c", "edgeq-network.h"):
        command = (need("clang-format"), style, "--dry-run", "--Werror", name)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
