"""Equalization: what it trades, what it keeps, and what it mends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq import api, reference
from edgeq.ir.graph import Graph
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.quantize import Config, quantize
from edgeq.quantize.equalize import Pair, equalize, pairs
from edgeq.quantize.rules import prepare
from tests.quantize import float_nets
from tests.quantize.float_nets import SAME, constant, random, real
from tests.quantize.test_quantizer import codes_of, reals_of


def uneven(activation: Activation = Activation.RELU) -> Graph:
    """Return conv, depthwise, conv whose channels differ a thousandfold in range."""
    rng = np.random.default_rng(3)
    spread = np.geomspace(0.03, 30, 8).astype(np.float32)
    w0, w1 = random(rng, 8, 3, 3, 3), random(rng, 1, 3, 3, 8) * 3
    tensors = [
        *(real("x", 1, 8, 8, 3), real("a", 1, 8, 8, 8), real("d", 1, 8, 8, 8)),
        *(real("y", 1, 8, 8, 4), constant("w0", w0 * spread[:, None, None, None])),
        *(constant("w1", w1), constant("w2", random(rng, 4, 1, 1, 8) / spread)),
        constant("b0", random(rng, 8) / 4 * spread),
    ]
    ops: list[Op] = [
        Conv2D(inputs=("x", "w0", "b0"), outputs=("a",), padding=SAME, activation=activation),
        DepthwiseConv2D(inputs=("a", "w1"), outputs=("d",), padding=SAME, activation=activation),
        Conv2D(inputs=("d", "w2"), outputs=("y",)),
    ]
    return float_nets.graph_of(ops, tensors, "x", "y")


def noise(graph: Graph, config: Config) -> float:
    """Return the share of the output's energy that quantization loses."""
    integer = quantize(graph, float_nets.samples(graph), config)
    lowered = api.lower(integer)
    lost = energy = 0.0
    for sample in float_nets.samples(graph, 6, seed=9):
        (wanted,) = reference.run(graph, sample)
        (got,) = reals_of(integer, reference.run(lowered, codes_of(integer, sample)))
        lost += float(((wanted - got) ** 2).sum())
        energy += float((wanted**2).sum())
    return lost / energy


def test_pairs_are_layers_with_nothing_between_that_bends() -> None:
    assert pairs(uneven()) == (Pair(0, 1), Pair(1, 2))
    assert pairs(uneven(Activation.RELU6)) == ()
    # The sum of two branches, and a tensor with two readers, stand in the way.
    assert pairs(prepare(float_nets.residual())) == ()


def test_an_equalized_network_computes_the_same_with_equal_ranges() -> None:
    graph = uneven()
    even = equalize(graph)
    for sample in float_nets.samples(graph, 2):
        wanted, got = (reference.run(each, sample)[0] for each in (graph, even))
        np.testing.assert_allclose(got, wanted, atol=1e-4 * np.abs(wanted).max())
    w0, w1, w2 = (np.abs(even.tensors[name].array) for name in ("w0", "w1", "w2"))
    np.testing.assert_allclose(w0.max(axis=(1, 2, 3)), w1.max(axis=(0, 1, 2)), rtol=1e-2)
    np.testing.assert_allclose(w1.max(axis=(0, 1, 2)), w2.max(axis=(0, 1, 2)), rtol=1e-2)


def test_channels_that_are_switched_off_are_left_alone() -> None:
    graph = uneven()
    w0 = graph.tensors["w0"].array.copy()
    w0[2] = 0
    w0[3] *= 1e-12
    tensors = {**graph.tensors, "w0": replace(graph.tensors["w0"], data=w0)}
    even = equalize(replace(graph, tensors=tensors))
    assert np.isfinite(even.tensors["w1"].array).all()
    np.testing.assert_array_equal(even.tensors["w0"].array[2:4], w0[2:4])


def test_through_relu6_only_what_stays_below_it_is_traded() -> None:
    graph = uneven(Activation.RELU6)
    runs = list(float_nets.samples(graph, 6))
    tops = np.max([reference.run_tensors(graph, run)["a"] for run in runs], axis=(0, 1, 2, 3))
    assert (tops < 5).any() and (tops == 6).any()
    even = equalize(graph, runs)
    for run in runs:
        wanted, got = (reference.run(each, run)[0] for each in (graph, even))
        np.testing.assert_allclose(got, wanted, atol=1e-4 * np.abs(wanted).max())
    before, after = (each.tensors["w0"].array for each in (graph, even))
    same = np.isclose(before, after).all(axis=(1, 2, 3))
    assert same[tops == 6].all() and not same[tops < 5].all()


def test_what_a_channel_always_has_moves_into_the_next_bias() -> None:
    rng = np.random.default_rng(4)
    tensors = [
        *(real("x", 1, 3), real("h", 1, 4), real("y", 1, 2)),
        *(constant("w0", random(rng, 4, 3)), constant("b0", np.array([50, 50, -1, 1]))),
        *(constant("w1", random(rng, 2, 4)), constant("b1", random(rng, 2))),
    ]
    ops: list[Op] = [
        FullyConnected(inputs=("x", "w0", "b0"), outputs=("h",), activation=Activation.RELU),
        FullyConnected(inputs=("h", "w1", "b1"), outputs=("y",)),
    ]
    graph = float_nets.graph_of(ops, tensors, "x", "y")
    runs = list(float_nets.samples(graph, 10))
    even = equalize(graph, runs)
    for run in runs:
        wanted, got = (reference.run(each, run)[0] for each in (graph, even))
        np.testing.assert_allclose(got, wanted, atol=1e-4 * np.abs(wanted).max())
    hidden = [np.stack([reference.run_tensors(g, r)["h"] for r in runs]) for g in (graph, even)]
    assert hidden[1].max() < hidden[0].max() / 5
    np.testing.assert_allclose(hidden[1].min(axis=(0, 1)), 0, atol=1e-4)


def test_one_scale_per_tensor_fails_on_uneven_channels_and_equalization_rescues_it() -> None:
    graph = uneven()
    plain = noise(graph, Config(per_channel=False))
    assert plain > 0.05
    assert noise(graph, Config(per_channel=False, equalize=True)) < plain / 50
