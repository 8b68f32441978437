"""Real models optimized for size: bits, warnings, format, the self-test, and what it saves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api, samples
from edgeq.host.sizes import flash_bytes
from edgeq.targets import target as find_target
from tests.models.catalogue import SMALL, Model, parameters
from tests.models.projects import INCLUDE, SANITIZE, WARNINGS, build, need, run, write
from tests.style.sources import ROOT

STRICT = (*WARNINGS[1:], "-Wvla")
BOARDS = ("cortex-m4", "cortex-m55")


@parameters(SMALL)
def test_the_self_test_is_clean_under_warnings_and_sanitizers(model: Model, tmp_path: Path) -> None:
    _, files = edgeq.generate(edgeq.load(model.path), "portable", name="net", optimize="size")
    write(tmp_path, list(files.items()))
    # The self-test includes the code of the network.
    sources = ("src/net_weights.c", "test/selftest.c")
    build("gcc", tmp_path, *WARNINGS, "-Wvla", *INCLUDE, *SANITIZE, *sources, "-o", "selftest")
    build("clang", tmp_path, *WARNINGS, "-Wvla", *INCLUDE, "-c", "src/net.c", "-o", "net.o")
    done = run((str(tmp_path / "selftest"),), tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]


@pytest.mark.parametrize("name", BOARDS)
@parameters(SMALL)
def test_the_outputs_of_boards_are_the_goldens(model: Model, name: str, tmp_path: Path) -> None:
    target = find_target(name)
    strict = replace(target, size_cflags=(*target.size_cflags, *STRICT))
    graph = edgeq.load(model.path)
    lowered = api.lower(graph)
    (arrays, *_), (golden, *_) = (
        samples.load_inputs(model.golden, lowered),
        samples.load_outputs(model.golden, lowered),
    )
    compiled = edgeq.compile(graph, strict, name="net", optimize="size")
    found = compiled(*arrays)
    for want, have in zip(golden, found if isinstance(found, tuple) else (found,), strict=True):
        np.testing.assert_array_equal(have, want)
    style = f"--style=file:{ROOT / '.clang-format'}"
    write(tmp_path, list(compiled.files.items()))
    code = compiled.files["src/net.c"]
    assert run((need("clang-format"), style, "src/net.c"), tmp_path).stdout == code


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize(
    "model", [Model("mlperf_kws_ref_model"), Model("mlperf_pretrainedResnet_quant")], ids=str
)
def test_less_flash_for_few_more_instructions(model: Model, name: str) -> None:
    graph = edgeq.load(model.path)
    arrays = samples.load_inputs(model.golden, api.lower(graph))[0]
    flash, instructions = {}, {}
    for optimize in ("speed", "size"):
        compiled = edgeq.compile(graph, name, optimize=optimize)
        flash[optimize] = sum(flash_bytes(compiled.build().objects).values())
        instructions[optimize] = compiled.instructions(*arrays).total
    assert flash["size"] < flash["speed"] - 256
    assert instructions["size"] < 1.15 * instructions["speed"]
    weights = sum(
        graph.tensors[op.inputs[1]].elements
        for op in graph.ops
        if op.KIND in ("conv2d", "depthwise_conv2d", "fully_connected")
    )
    assert flash["size"] - weights < 14 << 10
    assert flash["speed"] - weights <= 24 << 10
