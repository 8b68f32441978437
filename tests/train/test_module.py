"""The module that trains: what it computes, observes, and refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgeq import reference
from edgeq.errors import ModelError, QuantizationError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.pack import Pack
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.slice import Slice
from edgeq.ops.softmax import Softmax
from edgeq.ops.split import Split
from edgeq.ops.transpose import Transpose
from edgeq.quantize.weights import code_weights
from edgeq.train import Config, QuantModule, convert, prepare
from edgeq.train.float_ops import FLOAT_OPS
from tests.passes.nets import Net
from tests.quantize import float_nets
from tests.train.batches import batch_of

UNEVEN = Padding(0, 1, 2, 1)


def everything() -> Graph:
    """Return a float network of the operations that ``float_nets`` does not have."""
    net = Net(DType.FLOAT32)
    net.params = None
    x = net.input((1, 6, 6, 4))
    a = net.conv(x, 6, 3, padding=UNEVEN, stride=(2, 1), activation=Activation.RELU_N1_TO_1)
    b = net.depthwise(a, 2, padding=UNEVEN, dilation=(1, 2))
    c = net.op(HardSwish, net.op(AveragePool2D, b, window=(2, 3), padding=UNEVEN))
    d = net.op(MaxPool2D, c, window=(2, 2), padding=Padding(1, 1, 0, 1), stride=(2, 2))
    e = net.op(ResizeBilinear, d, size=(5, 4), half_pixel_centers=True)
    f = net.op(ResizeNearest, e, size=(4, 6))
    g, h = net.op(Split, net.op(Relu, f), outs=2, axis=3)
    i = net.op(Pack, g, h, axis=1)
    j = net.op(Transpose, i, perm=(0, 3, 2, 1, 4))
    k = net.op(Slice, j, begin=(0, 1, 0, 1, 0), size=(1, 2, 2, 1, 3), strides=(1, 2, 1, 1, 1))
    rows = net.op(Reshape, k, shape=(1, 2, 6))
    w = net.const(np.random.default_rng(0).integers(-4, 4, (5, 6)).astype(np.float32))
    dense = net.op(FullyConnected, rows, w, keep_dims=True)
    return net.graph(net.op(LogSoftmax, dense), net.op(Softmax, dense, beta=0.5))


def with_rounded_weights(module: QuantModule) -> Graph:
    tensors = dict(module.graph.tensors)
    for name, axis in module.plan.weights.items():
        reals = code_weights(tensors[name].array, axis, module.config.post_training).reals
        tensors[name] = replace(tensors[name], data=reals)
    return replace(module.graph, tensors=tensors)


@pytest.mark.parametrize("graph", [everything(), float_nets.residual(), float_nets.joined()])
def test_before_any_range_only_weights_are_rounded(graph: Graph) -> None:
    module = prepare(graph).eval()
    expected = with_rounded_weights(module)
    runs = list(float_nets.samples(graph, 3))
    batches = [torch.from_numpy(np.concatenate(port)) for port in zip(*runs, strict=True)]
    found = module(*batches)
    answers = [reference.run(expected, run) for run in runs]
    outputs = found if isinstance(found, tuple) else (found,)
    for y, parts in zip(outputs, zip(*answers, strict=True), strict=True):
        # Sums of float32 numbers in another order.
        np.testing.assert_allclose(y.detach().numpy(), np.concatenate(parts), rtol=1e-4, atol=1e-4)


def test_every_operation_that_trains_is_compared() -> None:
    graphs = (everything(), float_nets.residual(), float_nets.joined())
    seen = {op.KIND for graph in graphs for op in graph.ops}
    assert set(FLOAT_OPS) - seen == {"mul", "mean", "tanh"}  # in tests of conversion


def test_training_observes_and_evaluation_does_not() -> None:
    graph = float_nets.residual()
    module, x = prepare(graph, Config(decay=0.5)), batch_of(float_nets.residual())
    module.eval()(x)
    assert (module.steps, module.ranges.observed) == (0, 0)
    real = module.train()(x)
    assert (module.steps, module.ranges.observed) == (1, 1)
    assert module.ranges.get()["x"] == (float(x.min()), float(x.max()))
    simulated = module(x)
    assert not torch.equal(real, simulated)
    before = module.ranges.get()
    module.eval()(x * 3)
    assert module.ranges.get() == before
    module.train()(x * 4)
    low, high = before["x"]
    assert module.ranges.get()["x"] == (2.5 * low, 2.5 * high)


def test_activations_wait_for_the_delay_in_training_alone() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())
    module = prepare(graph, Config(delay=3))
    real = [module(x) for _ in range(3)]
    assert torch.equal(real[0], real[2])
    evaluated = module.eval()(x)
    assert not torch.equal(real[0], evaluated)
    assert torch.equal(module.train()(x), evaluated)


def test_training_lowers_the_loss_and_reaches_every_parameter() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual(), 32)
    module = prepare(graph, Config(logits=True, weight_bits=4, activation_bits=4, decay=0.9))
    labels = torch.arange(32) % 5
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), labels)
        loss.backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_logits_leave_out_the_softmax() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())
    logits = prepare(graph, Config(logits=True)).eval()(x)
    probabilities = prepare(graph).eval()(x)
    torch.testing.assert_close(torch.softmax(logits, -1), probabilities)


def test_stochastic_rounding_is_seeded_and_ends_with_training() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())

    def runs(seed: int) -> list[torch.Tensor]:
        module = prepare(graph, Config(stochastic=True, seed=seed))
        return [*(module(x) for _ in range(3)), module.eval()(x), module(x)]

    first, again, other = runs(0), runs(0), runs(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], first[2])
    assert not torch.equal(first[1], other[1])
    assert torch.equal(first[3], first[4])


def test_learned_steps_move_by_gradients_after_the_delay() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())
    module = prepare(graph, Config(learned_steps=True, delay=1, decay=0.0, weight_bits=4))
    module(x)
    start = module.ranges.get()
    optimizer = torch.optim.SGD([module.ranges.ends], 0.1)
    module(x * 2).square().sum().backward()
    assert module.ranges.get() == start
    optimizer.step()
    assert module.ranges.get() != start
    integer = convert(module)
    for name, key in module.keys.items():
        if key in module.weight_steps:
            quant = integer.tensors[name].quant
            steps = module.weight_steps[key].detach().float().tolist()
            assert quant is not None
            assert list(quant.scale) == steps


def test_mixed_precision_leaves_ranges_in_float64() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())
    module = prepare(graph, Config(decay=0.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for _ in range(3):
            loss = module(x).float().square().sum()
    loss.backward()
    assert module.ranges.ends.dtype is torch.float64
    assert module.ranges.get()["x"] == (float(x.min()), float(x.max()))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_a_range_that_explodes_names_its_tensor() -> None:
    graph, x = float_nets.residual(), batch_of(float_nets.residual())
    module = prepare(graph)
    x[0, 0, 0, 0] = float("nan")
    with pytest.raises(
        QuantizationError, match="tensor 'x': the range of the activations explodes"
    ):
        module(x)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), "0 inputs given, the model has 1"),
        ((torch.zeros(2, 3, 8, 8),), r"torch.float32 \(2, 3, 8, 8\), .* \[N, 8, 8, 3\]"),
        ((torch.zeros(2, 8, 8, 3, dtype=torch.int8),), "torch.int8 .* floating point"),
        ((torch.zeros(0, 8, 8, 3),), "a batch of no samples"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        prepare(float_nets.residual())(*inputs)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"activation_bits": 9}, "activations of 9 bits"),
        ({"activation_bits": 1}, "activations of 1 bits"),
        ({"weight_bits": 16}, "weights of 16 bits"),
        ({"decay": 1.0}, "decay 1"),
        ({"delay": -1}, "a delay of -1 steps"),
        ({"freeze": -5}, "freezing at step -5"),
        ({"batch_norm": "renorm"}, "unknown batch_norm 'renorm'"),
        (
            {"learned_steps": True, "symmetric_weights": False, "per_channel": False},
            "learned steps of asymmetric weights",
        ),
        ({"symmetric_weights": False}, "asymmetric weights with a scale per channel"),
    ],
)
def test_wishes_out_of_range_are_refused(wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        prepare(float_nets.residual(), Config(**wishes))


def test_networks_that_cannot_be_trained_are_refused() -> None:
    net = Net(DType.FLOAT32)
    net.params = None
    x = net.input((1, 4))
    top = net.op(ArgMax, x, axis=1, dtype=DType.INT32)
    with pytest.raises(UnsupportedError, match="without a gradient here: arg_max"):
        prepare(net.graph(top))
    net = Net(DType.FLOAT32)
    net.params = None
    x = net.input((2, 4))
    y = net.op(Add, x, net.op(Relu, x), source="sum")
    with pytest.raises(UnsupportedError, match=r"samples of a batch apart: .*sum"):
        prepare(net.graph(y))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ModelError, match="int is neither a Graph nor a PyTorch module"):
        prepare(3)
    with pytest.raises(ModelError, match="without example inputs"):
        prepare(torch.nn.Linear(2, 2))


def test_scalars_are_the_ranges_by_name() -> None:
    module = prepare(float_nets.residual())
    assert module.scalars() == {}
    module(batch_of(float_nets.residual()))
    scalars = module.scalars()
    assert len(scalars) == 2 * len(module.ranges.names)
    assert (scalars["range/x/low"], scalars["range/x/high"]) == module.ranges.get()["x"]
