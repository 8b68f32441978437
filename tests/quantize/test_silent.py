"""Channels that are never on: only they lose their weights, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq import reference
from edgeq.ir.graph import Graph
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.quantize import Config, quantize
from edgeq.quantize.silent import clear_silent
from tests.quantize import float_nets
from tests.quantize.float_nets import SAME, constant, random, real

SPAN = {"x": (-1.0, 1.0)}


def network(activation: Activation = Activation.RELU6, bias: float = -9.0) -> Graph:
    """Return conv, depthwise, grouped conv, pool, add, flatten, dense; channel 2 of 4 has ``bias``.

    What reads that channel is huge.
    """
    rng = np.random.default_rng(0)
    w1, w2 = random(rng, 1, 3, 3, 4), random(rng, 4, 1, 1, 2)
    w1[..., 2] *= 1000
    w2[2:, ..., 0] *= 50
    w0 = random(rng, 4, 1, 1, 3)
    tensors = [
        *(real("x", 1, 4, 4, 3), real("a", 1, 4, 4, 4), real("d", 1, 4, 4, 4)),
        *(real("g", 1, 4, 4, 4), real("p", 1, 2, 2, 4), real("s", 1, 2, 2, 4)),
        *(real("f", 1, 16), real("y", 1, 2)),
        *(constant("w0", w0), constant("b0", np.array([0.1, 0.2, bias, 0.3]))),
        *(constant("w1", w1), constant("w2", w2), constant("w3", random(rng, 2, 16))),
    ]
    ops: list[Op] = [
        Conv2D(inputs=("x", "w0", "b0"), outputs=("a",), activation=activation),
        DepthwiseConv2D(inputs=("a", "w1"), outputs=("d",), padding=SAME, activation=activation),
        Conv2D(inputs=("d", "w2"), outputs=("g",)),
        MaxPool2D(inputs=("g",), outputs=("p",), window=(2, 2), stride=(2, 2)),
        Add(inputs=("p", "p"), outputs=("s",)),
        Reshape(inputs=("s",), outputs=("f",), shape=(1, 16)),
        FullyConnected(inputs=("f", "w3"), outputs=("y",)),
    ]
    return float_nets.graph_of(ops, tensors, "x", "y")


def inputs(graph: Graph, count: int = 4) -> list[tuple[np.ndarray, ...]]:
    return [tuple(np.clip(x, -1, 1) for x in run) for run in float_nets.samples(graph, count)]


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.RELU6])
def test_a_channel_that_is_never_on_is_cleared_and_the_network_stays_equal(
    activation: Activation,
) -> None:
    graph = network(activation)
    cleared = clear_silent(graph, SPAN)
    assert (
        not cleared.tensors["w0"].array[2].any() and not cleared.tensors["w1"].array[..., 2].any()
    )
    # The second group of the convolution reads channels 2 and 3.
    assert not cleared.tensors["w2"].array[2:, ..., 0].any()
    assert cleared.tensors["w2"].array[2:, ..., 1].all()
    for name in ("w0", "w1"):
        kept = [0, 1, 3]
        before, after = graph.tensors[name].array, cleared.tensors[name].array
        axis = 0 if name == "w0" else 3
        np.testing.assert_array_equal(before.take(kept, axis), after.take(kept, axis))
    for run in inputs(graph):
        np.testing.assert_array_equal(reference.run(graph, run)[0], reference.run(cleared, run)[0])


@pytest.mark.parametrize(
    ("graph", "span"),
    [
        (network(bias=-0.05), SPAN),
        (network(Activation.NONE), SPAN),
        (network(Activation.RELU_N1_TO_1), SPAN),
        (network(), {"x": (-100.0, 100.0)}),
        (network(), {}),
    ],
    ids=["may fire", "no rectifier", "other rectifier", "far inputs", "any inputs"],
)
def test_what_might_be_on_is_left_alone(graph: Graph, span: dict[str, tuple[float, float]]) -> None:
    cleared = clear_silent(graph, span)
    for name, tensor in graph.tensors.items():
        if tensor.is_constant:
            np.testing.assert_array_equal(cleared.tensors[name].array, tensor.array)


def test_weights_of_zero_are_silent_for_any_input() -> None:
    graph = network()
    w0 = graph.tensors["w0"].array.copy()
    w0[2] = 0
    graph = replace(graph, tensors={**graph.tensors, "w0": replace(graph.tensors["w0"], data=w0)})
    assert not clear_silent(graph, {}).tensors["w1"].array[..., 2].any()


def test_a_channel_that_is_constant_and_not_zero_is_read_on() -> None:
    graph = network(bias=9.0)
    cleared = clear_silent(graph, SPAN)
    np.testing.assert_array_equal(cleared.tensors["w1"].array, graph.tensors["w1"].array)


def test_padding_with_another_value_than_zero_counts() -> None:
    rng = np.random.default_rng(1)
    tensors = [
        *(real("x", 1, 2, 2, 2), real("a", 1, 2, 2, 2), real("p", 1, 4, 4, 2)),
        *(real("y", 1, 4, 4, 1), constant("w0", random(rng, 2, 1, 1, 2))),
        *(constant("b0", np.array([-99, 1])), constant("w1", random(rng, 1, 1, 1, 2))),
    ]
    for value in (0.0, 2.0):
        ops: list[Op] = [
            Conv2D(inputs=("x", "w0", "b0"), outputs=("a",), activation=Activation.RELU),
            Pad(
                inputs=("a",),
                outputs=("p",),
                paddings=((0, 0), (1, 1), (1, 1), (0, 0)),
                value=value,
            ),
            Conv2D(inputs=("p", "w1"), outputs=("y",)),
        ]
        cleared = clear_silent(float_nets.graph_of(ops, tensors, "x", "y"), SPAN)
        assert (cleared.tensors["w1"].array[..., 0] == 0).all() == (value == 0)


def test_operations_without_a_rule_and_shared_weights_are_left_alone() -> None:
    w = np.diag([1.0, -1.0]).astype(np.float32)
    tensors = [
        *(real("x", 1, 2), real("a", 1, 2), real("b", 1, 2), real("y", 1, 4)),
        *(constant("w", w * 0), constant("c", np.array([-1, -1]))),
    ]
    ops: list[Op] = [
        FullyConnected(inputs=("x", "w", "c"), outputs=("a",), activation=Activation.RELU),
        FullyConnected(inputs=("a", "w"), outputs=("b",)),
        Concat(inputs=("a", "b"), outputs=("y",), axis=1),
    ]
    graph = float_nets.graph_of(ops, tensors, "x", "y")
    cleared = clear_silent(graph, SPAN)
    np.testing.assert_array_equal(cleared.tensors["c"].array, [-1, -1])


def test_one_scale_per_layer_is_rescued_where_silent_channels_stretched_it() -> None:
    graph = network()
    runs = inputs(graph, 8)
    lost = []
    for equalized in (False, True):
        config = Config(per_channel=False, weights_only=True, equalize=equalized)
        found = quantize(graph, runs, config)
        pairs = [(reference.run(graph, run)[0], reference.run(found, run)[0]) for run in runs]
        lost.append(float(np.mean([((a - b) ** 2).sum() / (a**2).sum() for a, b in pairs])))
    assert lost[0] > 0.1
    assert lost[1] < 1e-3
