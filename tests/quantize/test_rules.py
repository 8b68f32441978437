"""The rules of quantization: which tensors share a code, which are fixed, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError, QuantizationError, UnsupportedError
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.fully_connected import FullyConnected
from edgeq.quantize.config import Config
from edgeq.quantize.rules import plan_quantization, prepare
from tests import small_networks
from tests.quantize import float_nets


def test_an_activation_fuses_and_the_tensor_before_it_has_no_code() -> None:
    graph = prepare(float_nets.residual())
    assert [op.KIND for op in graph.ops][:2] == ["conv2d", "depthwise_conv2d"]
    assert graph.ops[0].activation is Activation.RELU  # type: ignore[attr-defined]
    assert "a" not in plan_quantization(graph, Config()).groups


def test_pooling_and_reshape_share_a_range_and_softmax_is_fixed() -> None:
    plan = plan_quantization(prepare(float_nets.residual()), Config())
    assert plan.groups == {"x": "x", "r": "r", "d": "d", "s": "s", "p": "s", "f": "s"} | {
        "l": "l",
        "y": "y",
    }
    assert plan.fixed == {"y": (1 / 256, -128)}
    assert plan.observed() == ("x", "r", "d", "s", "l")
    assert plan.weights == {"w0": 0, "w1": 3, "w2": 0}
    assert plan.layers == (0, 1, 5)


def test_weights_per_tensor_have_no_channel_dimension() -> None:
    plan = plan_quantization(prepare(float_nets.residual()), Config(per_channel=False))
    assert set(plan.weights.values()) == {None}


def test_a_fixed_code_is_rescaled_before_it_joins_others() -> None:
    plan = plan_quantization(prepare(float_nets.joined()), Config())
    assert plan.conversions == ((1, 0),)
    assert plan.groups["z"] == plan.groups["c"] == plan.groups["y"]
    assert plan.groups["g"] == "g"
    assert plan.fixed == {"g": (1 / 256, -128)}


def test_an_integer_network_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="has a scale already"):
        prepare(small_networks.network())


def test_a_constant_with_nan_is_refused() -> None:
    w = np.ones((2, 3), np.float32)
    w[1, 1] = np.nan
    with pytest.raises(ModelError, match="constant 'w': holds NaN"):
        prepare(float_nets.dense(w))


def test_weights_that_are_computed_are_refused() -> None:
    tensors = [float_nets.real("x", 1, 3), float_nets.real("w", 2, 3), float_nets.real("y", 1, 2)]
    op = FullyConnected(inputs=("x", "w"), outputs=("y",), source="dense")
    graph = float_nets.graph_of([op], tensors, "x w", "y")
    with pytest.raises(UnsupportedError, match="dense: weights 'w' are not constant"):
        plan_quantization(prepare(graph), Config())


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (Config(dtype=DType.INT16), "codes of int16"),
        (Config(observer="guess"), "unknown observer 'guess'"),
        (Config(weight_bits=9), "weights of 9 bits"),
        (Config(weight_bits=1), "weights of 1 bits"),
        (Config(activation_bits=12), "activations of 12 bits"),
        (Config(activation_bits=16, dtype=DType.UINT8), "16-bit activations beside weights other"),
        (Config(activation_bits=16, weights_only=True), "16-bit activations, but only weights"),
        (Config(percentile=50), "percentile 50"),
        (Config(symmetric_weights=False), "asymmetric weights with a scale per channel"),
        (Config(weights_only=True, symmetric_activations=True), "only weights are quantized"),
        (Config(weights_only=True, float_io=True), "has anyway"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(config: Config, what: str) -> None:
    with pytest.raises(QuantizationError, match=what):
        config.check()


def test_wishes_that_do_not_are_kept() -> None:
    for config in (Config(), Config(per_channel=False, symmetric_weights=False)):
        assert config.check() is config
    assert replace(Config(), weights_only=True).check().needs_calibration is False
    assert isinstance(QuantizationError("x"), EdgeqError)
