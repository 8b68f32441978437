"""The digits example under quantization-aware training: every configuration, briefly."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import edgeq
import edgeq.train
from edgeq import reference

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODULES = ("dataset", "network", "quantize", "train", "qat")
ACCURACY = 0.85  # on the held-out images, after a fraction of the training


@pytest.fixture(scope="module")
def digits() -> Iterator[SimpleNamespace]:
    """Return the modules of the example, which import each other as scripts in one folder do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(FOLDER), *sys.path])
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def network(digits: SimpleNamespace) -> object:
    seen, _ = digits.dataset.split()
    return digits.train.train(seen, epochs=6)


def test_the_float_graph_is_the_network(digits: SimpleNamespace, network: object) -> None:
    _, held_out = digits.dataset.split()
    graph = digits.qat.float_graph(network)
    expected = digits.network.run(network, held_out.reals[:4])["logits"]
    for image, logits in zip(held_out.reals[:4], expected, strict=True):
        (found,) = reference.run(graph, [image[None]])
        # Sums of float32 numbers in another order.
        np.testing.assert_allclose(found[0], logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["int8", "4-bit weights and activations"])
def test_what_was_trained_is_what_is_deployed(
    digits: SimpleNamespace, network: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits.qat, "EPOCHS", 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    config = digits.qat.CONFIGS[name]
    row = digits.qat.row(name, network, config)
    torch.set_num_threads(threads)
    simulated, deployed = (float(figure.rstrip("%")) / 100 for figure in row[1:3])
    assert min(simulated, deployed) > ACCURACY
    assert abs(simulated - deployed) < 0.02
    assert row[3] == "3,600"


def test_a_difference_is_an_error(digits: SimpleNamespace, network: object) -> None:
    module = edgeq.train.prepare(digits.qat.float_graph(network))
    _, held_out = digits.dataset.split()
    images = torch.from_numpy(held_out.reals)
    module(images)
    integer = module.eval_integer()
    other = edgeq.compile(integer.graph, "portable")
    edgeq.train.assert_deployed_equal(integer, other, images)
    with torch.no_grad():
        module.constants["logits_bias"].add_(0.5)
    with pytest.raises(edgeq.VerifyError, match="360 of 360 samples differ"):
        edgeq.train.assert_deployed_equal(module, other, images)
