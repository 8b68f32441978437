"""Conversion: the networks of post-training quantization, from ranges that training found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import edgeq
from edgeq import api, reference
from edgeq.errors import EdgeqError, ModelError, QuantizationError, VerifyError
from edgeq.frontends.npz import graph_bytes
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.concat import Concat
from edgeq.ops.logistic import Logistic
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.pad import Pad
from edgeq.ops.tanh import Tanh
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.quantize import load_float, quantize
from edgeq.quantize.calibrate import calibrate
from edgeq.train import Config, QuantModule, assert_deployed_equal, convert, float_graph, prepare
from tests.passes.nets import Net
from tests.quantize import float_nets

CONFIGS = {
    "int8": Config(),
    "uint8": Config(dtype=DType.UINT8, per_channel=False, symmetric_weights=False),
    "symmetric": Config(symmetric_activations=True, per_channel=False),
    "4 bits": Config(weight_bits=4),
    "16 bits": Config(activation_bits=16),
    "float ports": Config(float_io=True),
}
NETS: dict[str, Callable[[], Graph]] = {
    "gated": lambda: gated(),
    "residual": float_nets.residual,
    "joined": float_nets.joined,
}


def calibrated(graph: Graph, config: Config, samples: list[float_nets.Sample]) -> QuantModule:
    module = prepare(graph, config)
    found = calibrate(module.graph, module.plan, samples, config.post_training)
    module.set_ranges(found)
    return module


def batches(graph: Graph, samples: list[float_nets.Sample]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(np.concatenate(port)) for port in zip(*samples, strict=True))


@pytest.mark.parametrize("config", list(CONFIGS.values()), ids=list(CONFIGS))
@pytest.mark.parametrize("net", list(NETS))
def test_given_the_ranges_of_a_calibration_it_is_post_training_quantization(
    net: str, config: Config
) -> None:
    graph = NETS[net]()
    samples = list(float_nets.samples(graph))
    integer = convert(calibrated(graph, config, samples))
    expected = quantize(graph, samples, config.post_training)
    assert graph_bytes(integer) == graph_bytes(expected)


def gated() -> Graph:
    """Return convolutions whose outputs meet, beside a fixed code, padding and a constant."""
    net = Net(DType.FLOAT32)
    net.params = None
    x = net.input((1, 6, 6, 4))
    a, b = net.conv(x, 4, 3), net.conv(x, 4, 3, activation=Activation.RELU)
    joined = net.op(Concat, net.op(Tanh, a), b, net.conv(x, 2, 3), axis=3)
    wide = net.op(Pad, joined, paddings=((0, 0), (1, 1), (1, 1), (0, 0)), value=-2.5)
    pooled = net.op(AveragePool2D, wide, window=(2, 2), stride=(2, 2))
    shift = net.const(np.linspace(-9, 9, 10, dtype=np.float32))
    moved = net.op(Add, net.depthwise(pooled, 2), shift, activation=Activation.RELU6)
    gate = net.op(Mul, moved, net.op(Logistic, net.conv(pooled, 10, 2)))
    return net.graph(net.op(Mean, gate, axes=(1, 2)))


@pytest.mark.parametrize("net", [float_nets.residual, gated])
@pytest.mark.parametrize("bits", [2, 4, 6, 7])
@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_narrow_activations_keep_to_their_codes(
    net: Callable[[], Graph], bits: int, dtype: DType
) -> None:
    graph = net()
    config = Config(dtype=dtype, per_channel=dtype is DType.INT8, activation_bits=bits)
    module = calibrated(graph, config, list(float_nets.samples(graph)))
    # Half of the ranges that the samples have: values are clamped at both ends.
    module.set_ranges({k: (a / 2, b / 2) for k, (a, b) in module.ranges.get().items()})
    integer = convert(module)
    narrow = {name for name, group in module.plan.groups.items() if group in module.bits}
    assert narrow
    lowered, own = api.lower(integer), lower_arithmetic(integer)
    lowest, reached = dtype.max - (1 << bits) + 1, set()
    for seed in range(4):
        inputs = reference.sample_inputs(integer, seed)
        values = reference.run_tensors(own, inputs)
        for name in narrow & set(values):
            assert int(values[name].min()) >= lowest
            reached |= {int(values[name].min()) - lowest, int(values[name].max()) - dtype.max}
        for name, y in zip(integer.outputs, reference.run(lowered, inputs), strict=True):
            np.testing.assert_array_equal(y, values[name])
    assert 0 in reached


@pytest.mark.parametrize(
    ("net", "config"),
    [
        ("residual", Config()),
        ("residual", Config(weight_bits=4, activation_bits=5)),
        ("residual", Config(activation_bits=16)),
        ("gated", Config(activation_bits=16, weight_bits=6, per_channel=False)),
    ],
)
def test_the_c_gives_the_bits_of_the_integer_evaluation(net: str, config: Config) -> None:
    graph = NETS[net]()
    samples = list(float_nets.samples(graph, 40))
    module = calibrated(graph, config, samples[:8])
    x = batches(graph, samples)
    compiled = edgeq.compile(convert(module))
    assert_deployed_equal(module, compiled, x)
    with torch.no_grad():
        next(iter(module.constants.values())).mul_(-1)
    with pytest.raises(VerifyError, match=r"of 40 samples differ; .* in C, .* in training"):
        assert_deployed_equal(module, compiled, x)


@pytest.mark.parametrize(("net", "codes"), [("residual", 2), ("joined", 1)])
def test_simulation_computes_what_integers_do_within_a_few_codes(net: str, codes: int) -> None:
    graph = NETS[net]()
    samples = list(float_nets.samples(graph, 32))
    module = calibrated(graph, Config(), samples).eval()
    integer = module.eval_integer()
    x = batches(graph, samples)
    for name, want, got in zip(
        graph.outputs,
        *(y if isinstance(y, tuple) else (y,) for y in (module(*x), integer(*x))),
        strict=True,
    ):
        # Both round at the same places; sums that lie near a tie may fall on either side, and
        # layers behind amplify that.
        steps = (want - got).detach().abs() / integer.graph.tensors[name].scale
        assert float(steps.max()) <= codes + 0.01
        assert float((steps < 0.01).float().mean()) > 0.7


def test_trained_weights_reach_both_graphs() -> None:
    graph = float_nets.residual()
    samples = list(float_nets.samples(graph))
    module = calibrated(graph, Config(), samples)
    before = graph_bytes(convert(module))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.5)
    assert graph_bytes(convert(module)) != before
    trained = float_graph(module)
    for name in module.keys:
        np.testing.assert_array_equal(
            trained.tensors[name].array, graph.tensors[name].array * np.float32(1.5)
        )


def test_bad_ranges_and_weights_are_refused() -> None:
    graph = float_nets.residual()
    module = prepare(graph)
    with pytest.raises(QuantizationError, match="no range of activations is known yet"):
        convert(module)
    spans = dict.fromkeys(module.ranges.names, (0.0, 1.0))
    module.set_ranges({**spans, "d": (0.0, 0.0)})
    with pytest.raises(QuantizationError, match="tensor 'd': every value is 0"):
        convert(module)
    module.set_ranges({**spans, "d": (0.0, float("inf"))})
    with pytest.raises(QuantizationError, match="tensor 'd': the values are not finite"):
        convert(module)
    module.set_ranges({**spans, "d": (0.0, 1e30)})
    with pytest.raises(EdgeqError, match="tensor 'd'"):
        convert(module)
    module.set_ranges(spans)
    with torch.no_grad():
        module.constants["w1"].fill_(float("nan"))
    with pytest.raises(ModelError, match="weights 'w1': holds NaN"):
        convert(module)


def test_resnet_8_is_that_of_post_training_quantization(shared: Path) -> None:
    graph = load_float(shared / "models" / "mlperf_pretrainedResnet_fp32.tflite")
    rng = np.random.default_rng(0)
    samples = [(rng.uniform(0, 255, (1, 32, 32, 3)).astype(np.float32),) for _ in range(2)]
    module = calibrated(graph, Config(), samples)
    integer = module.eval_integer()
    assert graph_bytes(integer.graph) == graph_bytes(quantize(graph, samples))
    (codes,) = integer.quantized(torch.from_numpy(np.concatenate([s[0] for s in samples])))
    expected = [reference.run(integer.lowered, [codes[i : i + 1].numpy()])[0] for i in range(2)]
    np.testing.assert_array_equal(integer.codes(codes), np.concatenate(expected))
