from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgeq as package
from edgeq import reference
from edgeq.api import lower
from edgeq.frontends import load
from edgeq.frontends.torch import from_torch
from edgeq.quantize import quantize
from tests.cli.conftest import Command
from tests.frontends.torch.one_module import arrays, kinds, saved, seeded

IMAGE = (1, 3, 8, 8)


def module() -> nn.Module:
    return seeded(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return the file of an exported module."""
    path = tmp_path / "net.pt2"
    path.write_bytes(saved(module(), IMAGE))
    return path


def test_inspect(edgeq: Command, network: Path) -> None:
    found = edgeq("inspect", network)
    assert found.code == 0 and "conv2d" in found.out


@pytest.mark.parametrize("nhwc", [False, True])
def test_convert(edgeq: Command, network: Path, tmp_path: Path, nhwc: bool) -> None:
    out = tmp_path / "net.npz"
    assert edgeq("convert", network, "-o", out, *(["--nhwc"] if nhwc else [])).code == 0
    graph = load(out, allow_float=True)
    assert graph.tensors["input"].shape == ((1, 8, 8, 3) if nhwc else IMAGE)
    assert ("transpose" in kinds(graph)) is not nhwc


def test_quantize(edgeq: Command, network: Path, tmp_path: Path) -> None:
    samples, out = tmp_path / "x.npy", tmp_path / "net.npz"
    images = arrays((8, *IMAGE))[0]
    np.save(samples, images)
    assert edgeq("quantize", network, "--calibration", samples, "-o", out).code == 0
    # As the function does, of the module itself.
    graph = quantize(from_torch(module(), [torch.zeros(IMAGE)]), ((image,) for image in images))
    codes = reference.sample_inputs(graph)
    [found], [wanted] = (reference.run(lower(g), codes) for g in (package.load(out), graph))
    np.testing.assert_array_equal(found, wanted)


def test_operations_are_listed(edgeq: Command) -> None:
    found = edgeq("ops", "--json")
    assert found.code == 0 and '"hardswish"' in found.out


def test_compiling_it_says_what_to_do(edgeq: Command, network: Path, tmp_path: Path) -> None:
    found = edgeq("compile", network, "-o", tmp_path / "out")
    assert found.code == 3
    assert "net.pt2" in found.err and "quantize it first" in found.err
