"""Projects for AVX-512 VNNI: clean under warnings and sanitizers, through the model too."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq.resources import runtime_dir
from edgeq.targets.detect import has_avx2, has_avx512_vnni
from edgeq.targets.x86_vnni import FLAGS, vnni_target
from tests.models.catalogue import Model, parameters
from tests.models.projects import COMPILERS, INCLUDE, SANITIZE, WARNINGS, build, need, run, write
from tests.style.sources import ROOT

TARGET = vnni_target(avx2=True, vnni=False)
MODELS = tuple(
    map(
        Model,
        (
            "mlperf_kws_ref_model",
            "mlperf_ad01_int8",
            "coral_mobilenet_v1_0.25_128_quant",
        ),
    )
)
SOURCES = ("src/net_weights.c", "test/selftest.c")
PRODUCTS = {"conv2d", "depthwise_conv2d", "fully_connected"}


@pytest.fixture
def generated(model: Model, tmp_path: Path) -> Path:
    _, files = edgeq.generate(edgeq.load(model.path), target="x86-vnni", name="net")
    write(tmp_path / "net", files.items())
    return tmp_path / "net"


def check(compiler: str, folder: Path, *flags: str) -> None:
    """Build the self-test and run it."""
    build(compiler, folder, *WARNINGS, *INCLUDE, *flags, *SOURCES, "-o", "selftest")
    done = run(("./selftest",), folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]
    assert done.stdout.startswith("ok: net, ")


@parameters(MODELS)
def test_self_test_is_clean_under_warnings_and_sanitizers(generated: Path) -> None:
    code = (generated / "src/net.c").read_text(encoding="utf-8")
    assert '#include "edgeq_fixed_point_avx512.h"' in code
    emulation = runtime_dir() / "emulation"
    # The model stands in for AVX-512; layers that need no more have rows for AVX2.
    model = ("-O1", "-fno-inline", "-mavx2", "-DEDGEQ_EMULATE_AVX512", f"-I{emulation}")
    if has_avx2():
        check(COMPILERS[-1], generated, *model, *SANITIZE)
    if has_avx512_vnni():
        check(COMPILERS[0], generated, *FLAGS, *SANITIZE)
    for compiler in COMPILERS:
        build(compiler, generated, *WARNINGS, *INCLUDE, *FLAGS, "-c", SOURCES[0])
    style = f"--style=file:{ROOT / '.clang-format'}"
    assert run((need("clang-format"), style, "src/net.c"), generated).stdout == code


@parameters(MODELS)
def test_layers_use_the_vectors(model: Model) -> None:
    program = edgeq.compile(edgeq.load(model.path), TARGET).program
    used = {call.kernel for call in program.calls if call.kind in PRODUCTS}
    assert used and all(kernel.startswith("x86_vnni/") for kernel in used)
