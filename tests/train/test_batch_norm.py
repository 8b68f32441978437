"""Batch normalization folded while it trains, against PyTorch's own."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from edgeq import reference
from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.train import Config, QuantModule, convert, float_graph, prepare
from edgeq.train.batch_norm import BatchNorm
from tests.passes.nets import Net

CHANNELS, EPSILON, MOMENTUM = 6, 1e-3, 0.25
SAME = Padding(1, 1, 1, 1)


def network(depthwise: bool = False) -> tuple[Graph, str]:
    """Return a convolution with a bias, and the name of its weights."""
    net = Net(DType.FLOAT32)
    net.params = None
    x = net.input((1, 5, 5, CHANNELS))
    make = net.depthwise if depthwise else lambda x, size, **f: net.conv(x, CHANNELS, size, **f)
    y = make(x, 3, padding=SAME, activation=Activation.RELU)
    graph = net.graph(y)
    op = graph.ops[0]
    bias = np.random.default_rng(0).normal(size=CHANNELS).astype(np.float32)
    tensors = dict(graph.tensors)
    net.tensors["bias"] = tensors["bias"] = net.tensors[net.const(bias)]
    tensors["bias"] = replace(tensors["bias"], name="bias")
    op = replace(op, inputs=(*op.inputs, "bias"))
    return graph.with_ops([op], tensors), op.inputs[1]


def norm() -> BatchNorm:
    rng = np.random.default_rng(1)
    gamma, beta, mean = rng.normal(1, 0.2, CHANNELS), *rng.normal(size=(2, CHANNELS))
    variance = rng.uniform(50, 300, CHANNELS)
    return BatchNorm(gamma, beta, mean, variance, EPSILON, MOMENTUM)


def module_of(config: Config, depthwise: bool = False) -> tuple[QuantModule, Graph, str]:
    graph, weights = network(depthwise)
    return prepare(graph, config, batch_norms={weights: norm()}), graph, weights


def batch(seed: int = 0) -> torch.Tensor:
    return torch.randn(16, 5, 5, CHANNELS, generator=torch.Generator().manual_seed(seed)) * 2 + 1


def by_pytorch(graph: Graph, x: torch.Tensor, training: bool) -> torch.Tensor:
    """Return what convolution, normalization and ReLU give in floats."""
    _, w, bias = (graph.tensors.get(name) for name in graph.ops[0].inputs)
    assert w is not None
    assert bias is not None
    depthwise = w.shape[0] == 1
    kernel = torch.tensor(w.array).permute((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    y = torch.nn.functional.conv2d(
        x.permute(0, 3, 1, 2),
        kernel,
        torch.tensor(bias.array),
        padding=1,
        groups=CHANNELS if depthwise else 1,
    )
    values = norm()
    made = torch.nn.BatchNorm2d(CHANNELS, EPSILON, MOMENTUM)
    with torch.no_grad():
        for target, source in (
            (made.weight, values.gamma),
            (made.bias, values.beta),
            (made.running_mean, values.mean),
            (made.running_var, values.variance),
        ):
            assert target is not None
            target.copy_(torch.tensor(source))
    return made.train(training)(y).relu().permute(0, 2, 3, 1).detach()


def near(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Tell whether two answers differ by what rounding the weights to 8 bits can do."""
    return float((found - expected).detach().abs().max()) < 0.02 * float(expected.abs().max())


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("how", ["corrected", "batch", "frozen"])
def test_the_layer_is_that_of_pytorch(how: str, depthwise: bool) -> None:
    module, graph, _ = module_of(Config(batch_norm=how), depthwise)
    x = batch()
    assert near(module.eval()(x), by_pytorch(graph, x, training=False))
    module = module_of(Config(batch_norm=how), depthwise)[0]
    assert near(module.train()(x), by_pytorch(graph, x, training=how != "frozen"))


def test_averages_move_until_they_are_frozen() -> None:
    module, _, _ = module_of(Config(freeze=2))
    folded = module.norms["0"]
    seen = [folded.mean.clone()]
    for step in range(4):
        module(batch(step))
        seen.append(folded.mean.clone())
    moved = [not torch.equal(a, b) for a, b in pairwise(seen)]
    assert moved == [True, True, False, False]


def test_after_freezing_training_is_inference() -> None:
    module, _, _ = module_of(Config(freeze=2, decay=0.0))
    x = batch()
    for _ in range(3):
        module(x)
    assert torch.equal(module(x), module.eval()(x))


def test_averages_are_those_of_batches() -> None:
    module, graph, weights = module_of(Config())
    x = batch()
    module(x)
    raw = replace(graph.ops[0], activation=Activation.NONE)  # type: ignore[call-arg]
    plain = replace(graph, ops=(raw,))
    y = np.concatenate([reference.run(plain, [x[i : i + 1].numpy()])[0] for i in range(len(x))])
    bias = graph.tensors["bias"].array
    start = norm()
    # The layer's bias lives in the mean.
    mean = start.mean - bias + MOMENTUM * ((y.mean((0, 1, 2)) - bias) - (start.mean - bias))
    variance = start.variance + MOMENTUM * (y.var((0, 1, 2)) - start.variance)
    folded = module.norms["0"]
    np.testing.assert_allclose(folded.mean.numpy(), mean, rtol=1e-4, atol=1e-4)  # float32 sums
    np.testing.assert_allclose(folded.variance.numpy(), variance, rtol=1e-4)
    assert weights in module.keys


def test_conversion_folds_the_averages() -> None:
    module, _, weights = module_of(Config(decay=0.0, freeze=3))
    for seed in range(4):
        module(batch(seed))
    graph, integer = float_graph(module), convert(module)
    assert [op.KIND for op in graph.ops] == ["conv2d"]
    assert integer.tensors[weights].dtype is DType.INT8
    x = batch(3)
    answers = [reference.run(graph, [x[i : i + 1].numpy()])[0] for i in range(len(x))]
    deployed = module.eval_integer()(x)
    assert isinstance(deployed, torch.Tensor)
    assert near(deployed, torch.from_numpy(np.concatenate(answers)))


def test_gradients_reach_scale_shift_and_weights() -> None:
    for how in ("corrected", "batch", "frozen"):
        module, _, _ = module_of(Config(batch_norm=how))
        (module(batch()) * batch(1)).sum().backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def test_normalizations_without_a_layer_are_refused() -> None:
    graph, weights = network()
    with pytest.raises(ModelError, match="no layer has weights 'other'"):
        prepare(graph, batch_norms={"other": norm()})
    few = replace(norm(), beta=np.zeros(2))
    with pytest.raises(ModelError, match="a batch normalization without 6 channels"):
        prepare(graph, batch_norms={weights: few})
