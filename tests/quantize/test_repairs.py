"""Equalization, adaptive rounding and bias correction: what each keeps, and what it mends."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

import edgeq
from edgeq import api, reference
from edgeq.ir.graph import Graph, Operands
from edgeq.ir.types import Shape
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.quantize import Config, quantize
from edgeq.quantize.adaround import adaptive
from edgeq.quantize.equalize import Pair, equalize, pairs
from edgeq.quantize.moments import add_moments, from_rows, input_vectors, weight_rows
from edgeq.quantize.rules import prepare
from edgeq.quantize.weights import Coded, code_weights
from edgeq.verify import verify_model
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


# ---- Equalization -------------------------------------------------------------------------


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


def test_one_scale_per_tensor_fails_on_uneven_channels_and_equalization_rescues_it() -> None:
    graph = uneven()
    plain = noise(graph, Config(per_channel=False))
    assert plain > 0.05
    assert noise(graph, Config(per_channel=False, equalize=True)) < plain / 50


# ---- Moments and adaptive rounding --------------------------------------------------------

XWY: dict[str, Any] = {"inputs": ("x", "w"), "outputs": ("y",)}
LAYERS: dict[str, tuple[Op, Shape, Shape]] = {
    "conv": (Conv2D(inputs=("x", "w"), outputs=("y",), padding=SAME), (1, 5, 5, 4), (6, 3, 3, 4)),
    "groups": (
        Conv2D(inputs=("x", "w"), outputs=("y",), stride=(2, 2)),
        (1, 5, 5, 4),
        (6, 3, 2, 2),
    ),
    "depthwise": (
        DepthwiseConv2D(inputs=("x", "w"), outputs=("y",), padding=SAME),
        (1, 5, 5, 4),
        (1, 3, 3, 8),
    ),
    "dense": (FullyConnected(inputs=("x", "w"), outputs=("y",)), (3, 7), (5, 7)),
}


def layer(kind: str) -> Graph:
    """Return a network of one layer."""
    op, x, w = LAYERS[kind]
    weights = constant("w", random(np.random.default_rng(0), *w))
    named = {"x": real("x", *x), "w": weights}
    shape = op.shapes(Operands((named["x"], weights), ()))[0]
    return float_nets.graph_of([op], [named["x"], weights, real("y", *shape)], "x", "y")


@pytest.mark.parametrize("kind", LAYERS)
def test_rows_times_vectors_are_the_layer(kind: str) -> None:
    graph = layer(kind)
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    (sample,) = float_nets.samples(graph, 1)
    (wanted,) = reference.run(graph, sample)
    rows = weight_rows(op, io, io.ins[1].array)
    found = np.matmul(input_vectors(op, io, sample[0]), rows.transpose(0, 2, 1))
    channels = found.transpose(1, 0, 2).reshape(-1, wanted.shape[-1])
    np.testing.assert_allclose(channels.reshape(wanted.shape), wanted, atol=1e-5)
    np.testing.assert_array_equal(from_rows(op, io, rows), io.ins[1].array)


@pytest.mark.parametrize("bits", [3, 8])
@pytest.mark.parametrize("kind", LAYERS)
def test_adaptive_rounding_lessens_the_error_of_a_layer(kind: str, bits: int) -> None:
    graph = layer(kind)
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    sums: dict[int, np.ndarray] = {}
    for (x,) in float_nets.samples(graph, 20):
        add_moments(sums, 0, op, io, np.abs(x))
    w = graph.tensors["w"].array
    config = Config(weight_bits=bits)
    nearest = code_weights(w, op.WEIGHTS_AXIS, config)
    learnt = adaptive(op, io, w, nearest, sums[0] / 20)
    assert np.abs(learnt.codes).max() <= (1 << (bits - 1)) - 1
    assert np.abs(learnt.codes - nearest.codes).max() == 1

    def cost(coded: Coded) -> np.ndarray:
        d = weight_rows(op, io, (w - coded.reals).astype(np.float64))
        found: np.ndarray = (np.matmul(d, sums[0]) * d).sum(axis=-1)
        return found

    assert (cost(learnt) <= cost(nearest) * (1 + 1e-6)).all()
    assert cost(learnt).sum() < 0.8 * cost(nearest).sum()


def test_adaptive_rounding_is_near_the_best_of_all_choices() -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(1, 8)).astype(np.float32)
    graph = float_nets.dense(w)
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    vectors = rng.normal(size=(50, 8)) + 1.0
    moments = (vectors.T @ vectors / 50)[np.newaxis]
    nearest = code_weights(w, 0, Config(weight_bits=4))
    learnt = adaptive(op, io, w, nearest, moments)
    scale = nearest.params.scale[0]
    floor = np.floor(w[0].astype(np.float64) / scale)

    def cost(codes: np.ndarray) -> float:
        d = codes * scale - w[0]
        return float(d @ moments[0] @ d)

    choices = [cost(np.clip(floor + up, -7, 7)) for up in product((0, 1), repeat=8)]
    assert cost(learnt.codes[0]) <= sorted(choices)[12]


# ---- Bias correction ----------------------------------------------------------------------


@pytest.mark.parametrize("bias", [None, np.array([0.5, -1.0, 0.0, 2.0])])
def test_bias_correction_brings_the_mean_back(bias: np.ndarray | None) -> None:
    rng = np.random.default_rng(2)
    graph = float_nets.dense(float_nets.random(rng, 4, 32), bias)
    runs = [(x + 1,) for (x,) in float_nets.samples(graph, 40)]
    means = []
    for corrected in (False, True):
        config = Config(weight_bits=3, weights_only=True, bias_correction=corrected)
        found = quantize(graph, runs, config)
        pairs_ = [(reference.run(graph, run)[0], reference.run(found, run)[0]) for run in runs]
        means.append(np.abs(np.mean([a - b for a, b in pairs_], axis=0)).max())
    assert means[0] > 0.05
    assert means[1] < 1e-5


def test_all_repairs_together_still_compile_to_the_same_bits() -> None:
    graph = uneven()
    config = Config(per_channel=False, equalize=True, adaround=True, bias_correction=True)
    assert noise(graph, config) < noise(graph, Config(per_channel=False))
    integer = quantize(graph, float_nets.samples(graph), config)
    runs = [codes_of(integer, sample) for sample in float_nets.samples(graph, 2)]
    assert verify_model(api.lower(integer), edgeq.compile(integer), runs).passed
