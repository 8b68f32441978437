"""Adaptive rounding and bias correction: what each mends, and how nearly it does."""

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
from edgeq.quantize.adaround import Moments, adaptive
from edgeq.quantize.moments import from_rows, input_vectors, weight_rows
from edgeq.quantize.ranges import to_reals
from edgeq.quantize.reconstruct import BUDGET, MOST, capacity
from edgeq.quantize.rules import prepare
from edgeq.quantize.weights import Coded, code_weights
from edgeq.verify import verify_model
from tests.quantize import float_nets
from tests.quantize.float_nets import SAME, constant, random, real
from tests.quantize.test_equalize import noise, uneven
from tests.quantize.test_quantizer import codes_of

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


def moments_of(
    graph: Graph, *, drift: float, count: int = 20
) -> tuple[Moments, np.ndarray, np.ndarray]:
    """Return moments of a layer whose inputs are ``drift`` off, these inputs, and the errors."""
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    rng = np.random.default_rng(5)
    squares: Any = 0
    products: Any = 0
    seen = []
    for (x,) in float_nets.samples(graph, count):
        exact = np.abs(x)
        moved = (exact + drift * rng.uniform(-1, 2, x.shape)).astype(np.float32)
        vectors = input_vectors(op, io, moved).astype(np.float64)
        error = vectors - input_vectors(op, io, exact)
        rows = weight_rows(op, io, io.ins[1].array.astype(np.float64))
        e = np.matmul(error, rows.transpose(0, 2, 1))
        squares = squares + np.matmul(vectors.transpose(0, 2, 1), vectors)
        products = products + np.matmul(e.transpose(0, 2, 1), vectors)
        seen.append((vectors, e))
    total = count * seen[0][0].shape[1]
    every = np.concatenate([v for v, _ in seen], axis=1)
    errors = np.concatenate([e for _, e in seen], axis=1)
    return Moments(squares / total, products / total, total), every, errors


@pytest.mark.parametrize("drift", [0.0, 0.5])
@pytest.mark.parametrize("bits", [3, 8])
@pytest.mark.parametrize("kind", LAYERS)
def test_adaptive_rounding_lessens_the_error_of_a_layer(kind: str, bits: int, drift: float) -> None:
    graph = layer(kind)
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    moments, vectors, errors = moments_of(graph, drift=drift)
    w = graph.tensors["w"].array
    nearest = code_weights(w, op.WEIGHTS_AXIS, Config(weight_bits=bits))
    learnt = adaptive(op, io, w, nearest, moments)
    assert np.abs(learnt.codes).max() <= (1 << (bits - 1)) - 1
    assert np.abs(learnt.codes - nearest.codes).max() == 1

    def cost(coded: Coded) -> float:
        """Return the squared error against the layer with exact inputs and weights."""
        d = weight_rows(op, io, coded.reals.astype(np.float64) - w)
        return float(((np.matmul(vectors, d.transpose(0, 2, 1)) + errors) ** 2).mean())

    # At 8 bits what the inputs have lost outweighs all rounding.
    assert cost(learnt) < (0.8 if not drift else 0.95 if bits < 8 else 1) * cost(nearest)


def test_adaptive_rounding_makes_up_for_inputs_that_are_off() -> None:
    graph = layer("dense")
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    moments, vectors, errors = moments_of(graph, drift=0.5, count=60)
    w = graph.tensors["w"].array
    nearest = code_weights(w, 0, Config(weight_bits=4))
    blind = replace(moments, products=moments.products * 0)
    costs = []
    for known in (moments, blind):
        d = weight_rows(op, io, adaptive(op, io, w, nearest, known).reals.astype(np.float64) - w)
        costs.append(float(((np.matmul(vectors, d.transpose(0, 2, 1)) + errors) ** 2).mean()))
    assert costs[0] < costs[1]


def test_adaptive_rounding_is_near_the_best_of_all_choices() -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(1, 8)).astype(np.float32)
    graph = float_nets.dense(w)
    op, io = graph.ops[0], graph.operands(graph.ops[0])
    vectors = rng.normal(size=(500, 8)) + 1.0
    squares = (vectors.T @ vectors / 500)[np.newaxis]
    nearest = code_weights(w, 0, Config(weight_bits=4))
    learnt = adaptive(op, io, w, nearest, Moments(squares, np.zeros((1, 1, 8)), 500))
    scale = nearest.params.scale[0]
    floor = np.floor(w[0].astype(np.float64) / scale)

    def cost(codes: np.ndarray) -> float:
        d = codes * scale - w[0]
        return float(d @ squares[0] @ d)

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


def pre_activations(graph: Graph, integer: Graph, runs: list[Any]) -> list[np.ndarray]:
    """Return the mean difference of each layer before its activation, by channel.

    The float layer has float inputs, the integer one what the integer network gives it.
    """
    lowered = api.lower(integer)
    totals: dict[str, Any] = {}
    for run in runs:
        wanted = reference.run_tensors(graph, run)
        found = reference.run_tensors(lowered, codes_of(integer, run))
        for op in graph.ops:
            y = op.outputs[0]
            if op.WEIGHTS_AXIS is None:
                continue
            coded = next(o for o in integer.ops if o.outputs[0] == y)
            x, w = (integer.tensors[name].quant for name in coded.inputs[:2])
            assert x is not None and w is not None
            reals = [
                to_reals(found[name].astype(np.int32), quant)
                for name, quant in zip(coded.inputs, (x, w), strict=False)
            ]
            if len(coded.inputs) > 2:
                steps = x.scale[0] * np.array(w.scale)
                reals.append((found[coded.inputs[2]] * steps).astype(np.float32))
            linear: Any = replace(op, activation=Activation.NONE)  # type: ignore[call-arg]
            io = graph.operands(op)
            (z,) = linear.evaluate_float(io, [wanted[name] for name in op.inputs])
            (got,) = linear.evaluate_float(io, reals)
            d = (z.astype(np.float64) - got).reshape(-1, z.shape[-1]).mean(axis=0)
            totals[y] = totals.get(y, 0) + d / len(runs)
    return list(totals.values())


def test_corrected_biases_take_the_mean_error_off_every_layer_of_the_integer_network() -> None:
    graph = prepare(float_nets.residual())
    runs = list(float_nets.samples(graph, 12))
    config = Config(weight_bits=4, observer="percentile", percentile=99.0)
    plain, corrected = (
        pre_activations(graph, quantize(graph, runs, c), runs)
        for c in (config, replace(config, bias_correction=True))
    )
    for before, after in zip(plain, corrected, strict=True):
        # What is left comes from integer rounding against the same codes in real numbers.
        assert np.abs(after).max() < 0.2 * np.abs(before).max()


def test_as_many_samples_are_kept_as_memory_allows() -> None:
    assert capacity(float_nets.residual()) == MOST
    wide = float_nets.dense(np.zeros((1, 1 << 20), np.float32))
    assert capacity(wide) == BUDGET // (2 * 4 * ((1 << 20) + 1))


def test_all_repairs_together_still_compile_to_the_same_bits() -> None:
    graph = uneven()
    config = Config(per_channel=False, equalize=True, adaround=True, bias_correction=True)
    assert noise(graph, config) < noise(graph, Config(per_channel=False))
    integer = quantize(graph, float_nets.samples(graph), config)
    runs = [codes_of(integer, sample) for sample in float_nets.samples(graph, 2)]
    assert verify_model(api.lower(integer), edgeq.compile(integer), runs).passed
