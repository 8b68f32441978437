"""Drawings of a quantized network: every layer, by name, the same each time."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from edgeq.errors import UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.quantize import Config, quantize
from edgeq.quantize.distributions import distributions
from edgeq.quantize.explain import explain
from edgeq.report.plots import plots
from tests.quantize import float_nets

NET = float_nets.residual()
SMALL = float_nets.dense(np.eye(3))
NAMES = ("conv", "dw", "add", "pool", "flat", "dense", "softmax")


def drawn(graph: Graph, config: Config | None = None) -> dict[str, str]:
    """Return the drawings of a network."""
    integer = quantize(graph, float_nets.samples(graph), config or Config())
    layers = distributions(graph, integer, float_nets.samples(graph, 4))
    return dict(plots(layers, explain(graph, integer, float_nets.samples(graph, 4))))


def texts(svg: str) -> str:
    """Return all text of a drawing, which must be well-formed."""
    return " ".join(ET.fromstring(svg.encode()).itertext())


def test_distributions_are_those_of_the_float_network_beside_the_codes() -> None:
    integer = quantize(NET, float_nets.samples(NET))
    layers = distributions(NET, integer, float_nets.samples(NET, 4))
    assert [layer.name for layer in layers] == list(NAMES)
    conv, softmax = layers[0], layers[-1]
    assert conv.activations.counts_with_zeros().sum() == 4 * 8 * 8 * 8
    assert conv.activations.low == 0  # after the ReLU that is fused into it
    assert softmax.span == (0, pytest.approx(255 / 256))
    assert softmax.weights is None
    w, q = NET.tensors["w0"].array, integer.tensors["w0"].quant
    assert q is not None
    assert conv.weights is not None
    assert conv.high is not None
    np.testing.assert_array_equal(conv.weights, w.reshape(8, -1))
    np.testing.assert_allclose(conv.high, 127 * np.asarray(q.scale), rtol=1e-6)
    assert (np.abs(conv.weights).max(axis=1) <= conv.high * 1.001).all()
    depthwise = layers[1].weights
    assert depthwise is not None
    np.testing.assert_array_equal(
        depthwise, np.moveaxis(NET.tensors["w1"].array, 3, 0)[:, 0].reshape(8, 9)
    )


@pytest.mark.parametrize("config", [Config(), Config(per_channel=False)])
def test_every_layer_is_drawn_with_its_name(config: Config) -> None:
    files = drawn(NET, config)
    wanted = "conv2d depthwise_conv2d add average_pool2d reshape fully_connected softmax".split()
    assert list(files) == ["sqnr.svg", *(f"layer_{i}_{kind}.svg" for i, kind in enumerate(wanted))]
    depth = texts(files["sqnr.svg"])
    assert re.search(r"SQNR along the depth", depth)
    for name, (file, svg) in zip(NAMES, list(files.items())[1:], strict=True):
        assert name in depth
        shown = texts(svg)
        assert f"{name} (" in shown
        assert "dB isolated" in shown
        assert "activations" in shown
        has_weights = "conv2d" in file or "fully_connected" in file
        assert ("ranges of the output channels" in shown) == has_weights


def test_the_same_figures_give_the_same_files() -> None:
    assert drawn(SMALL) == drawn(SMALL)


def test_names_from_files_are_shown_as_they_are() -> None:
    name = "a$b^{2}$ <script>&\x1b[2J\nü" + 60 * "x"
    files = drawn(SMALL.with_ops((replace(SMALL.ops[0], source=name),)))
    shown = "".join(texts(files["layer_0_fully_connected.svg"]).split())
    assert "a$b^{2}$<script>&\\x1b[2J\\xfc" in shown
    assert "a$b^{2}$" in texts(files["sqnr.svg"])
    assert "<script>" not in files["sqnr.svg"]


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'edgeq\[plots\]'"):
        plots((), ())
