"""Projects for AVX2: clean under warnings and sanitizers, formatted, built by their own files."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq.targets import target
from tests.models.catalogue import Model, parameters
from tests.models.projects import COMPILERS, INCLUDE, SANITIZE, WARNINGS, build, need, run, write
from tests.style.sources import ROOT

TARGET = target("x86-avx2")
MODELS = tuple(
    map(
        Model,
        (
            "mlperf_kws_ref_model",
            "mlperf_pretrainedResnet_quant",
            "mlperf_vww_96_int8",
            "coral_mobilenet_v1_0.25_128_quant",
            "speed/k_mobilenet_v1_0.25_128_int8",
        ),
    )
)
KERNELS = {f"x86_avx2/{name}_s8" for name in ("conv2d", "pointwise_conv2d", "depthwise_conv2d")}

pytestmark = [pytest.mark.skipif(not TARGET.is_native, reason="the processor has no AVX2")]


@pytest.fixture
def generated(model: Model, tmp_path: Path) -> Path:
    _, files = edgeq.generate(edgeq.load(model.path), target=TARGET.name, name="net")
    write(tmp_path / "net", files.items())
    return tmp_path / "net"


@parameters(MODELS)
def test_self_test_is_clean_under_warnings_and_sanitizers(generated: Path) -> None:
    code = (generated / "src/net.c").read_text(encoding="utf-8")
    assert '#include "edgeq_fixed_point_avx2.h"' in code
    for compiler in COMPILERS:
        flags = (*WARNINGS, *INCLUDE, *SANITIZE, *TARGET.isa_flags)
        sources = ("src/net_weights.c", "test/selftest.c")
        build(compiler, generated, *flags, *sources, "-o", "selftest")
        done = run(("./selftest",), generated)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]
        assert done.stdout.startswith("ok: net, ")
    style = f"--style=file:{ROOT / '.clang-format'}"
    assert run((need("clang-format"), style, "src/net.c"), generated).stdout == code


@parameters(MODELS[:1])
def test_the_project_builds_itself(generated: Path) -> None:
    done = run((need("make"), "test"), generated)
    assert done.returncode == 0, done.stderr
    assert "ok: net, " in done.stdout
    cmake = (generated / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "-ffp-contract=off;-mavx2>" in cmake


@parameters(MODELS)
def test_layers_use_the_vectors(model: Model) -> None:
    program = edgeq.compile(edgeq.load(model.path), TARGET.name).program
    kinds = {"conv2d", "depthwise_conv2d"}
    used = {call.kernel for call in program.calls if call.kind in kinds}
    assert used and used <= KERNELS
