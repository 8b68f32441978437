"""Projects for Hexagon: bits under emulation, clean under warnings and, with HVX, sanitizers."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeq
from edgeq import api, samples
from edgeq.resources import runtime_dir
from edgeq.targets.hexagon import VERSIONS, hexagon_target
from edgeq.verify import verify_models
from tests.models.catalogue import Model, parameters
from tests.models.projects import COMPILERS, INCLUDE, SANITIZE, WARNINGS, build, need, run, write
from tests.style.sources import ROOT

MODELS = tuple(
    map(
        Model,
        (
            "mlperf_kws_ref_model",
            "mlperf_pretrainedResnet_quant",
            "coral_mobilenet_v1_0.25_128_quant",
            "mltk_image_classification",
        ),
    )
)
SOURCES = ("src/net_weights.c", "test/selftest.c")
PRODUCTS = {"conv2d", "depthwise_conv2d", "fully_connected"}


@parameters(MODELS[:2])
def test_self_test_is_clean_under_warnings_and_sanitizers(model: Model, tmp_path: Path) -> None:
    _, files = edgeq.generate(edgeq.load(model.path), target="hexagon-hvx", name="net")
    write(tmp_path, files.items())
    assert not any("model" in path for path in files)
    emulated = ("-DEDGEQ_EMULATE_HVX", f"-I{runtime_dir() / 'emulation'}", *SANITIZE)
    build(COMPILERS[-1], tmp_path, *WARNINGS, *INCLUDE, *emulated, *SOURCES, "-o", "selftest")
    done = run(("./selftest",), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]
    assert done.stdout.startswith("ok: net, ")
    style = f"--style=file:{ROOT / '.clang-format'}"
    assert run((need("clang-format"), style, "src/net.c"), tmp_path).stdout == files["src/net.c"]


@parameters(MODELS)
@pytest.mark.parametrize("vectors", (False, True))
def test_real_models_have_the_same_bits(model: Model, vectors: bool) -> None:
    graph = edgeq.load(model.path)
    runs = samples.load_inputs(model.golden, graph)[:1]
    golden = samples.load_outputs(model.golden, graph)[:1]
    compiled = edgeq.compile(graph, hexagon_target(vectors))
    [verdict] = verify_models(api.lower(graph), [compiled], runs, golden)
    assert verdict.difference is None, str(verdict.difference)
    own = ("hvx/",) if vectors else ("hexagon/", "portable/depthwise")
    used = {call.kernel for call in compiled.program.calls if call.kind in PRODUCTS}
    assert used and all(kernel.startswith(own) for kernel in used)


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_later_versions_have_the_same_bits(version: int) -> None:
    graph = edgeq.load(MODELS[0].path)
    runs = samples.load_inputs(MODELS[0].golden, graph)[:1]
    compiled = edgeq.compile(graph, hexagon_target(True, version))
    [verdict] = verify_models(api.lower(graph), [compiled], runs)
    assert verdict.difference is None, str(verdict.difference)
