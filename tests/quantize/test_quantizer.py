"""Float networks to integer ones: the codes, the bits of the C, and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq import api, reference
from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.quantize import Config, load_float, quantize
from edgeq.quantize.ranges import to_codes, to_reals
from edgeq.verify import verify_model
from tests import small_networks
from tests.quantize import float_nets
from tests.shared_material import require_shared

CONFIGS = {
    "int8": Config(),
    "int8 per tensor": Config(per_channel=False),
    "int8 asymmetric weights": Config(per_channel=False, symmetric_weights=False),
    "int8 symmetric": Config(symmetric_activations=True),
    "int8 float ports": Config(float_io=True),
    "uint8": Config(dtype=DType.UINT8, per_channel=False, symmetric_weights=False),
    "uint8 per channel": Config(dtype=DType.UINT8, symmetric_activations=True),
    "4 bits": Config(weight_bits=4),
    "16 bits": Config(activation_bits=16),
}


def codes_of(graph: Graph, sample: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    found = []
    for name, x in zip(graph.inputs, sample, strict=True):
        tensor = graph.tensors[name]
        if tensor.quant is None:
            found.append(x)
            continue
        codes = to_codes(x, tensor.quant, tensor.dtype.min, tensor.dtype.max)
        found.append(codes.astype(tensor.dtype.numpy))
    return tuple(found)


def reals_of(graph: Graph, outputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    tensors = [graph.tensors[name] for name in graph.outputs]
    pairs = zip(tensors, outputs, strict=True)
    return [y if t.quant is None else to_reals(y.astype(np.int32), t.quant) for t, y in pairs]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("build", [float_nets.residual, float_nets.joined])
def test_the_integer_network_is_close_to_the_float_one(build: object, config: Config) -> None:
    graph: Graph = build()  # type: ignore[operator]
    integer = quantize(graph, float_nets.samples(graph), config)
    lowered = api.lower(integer)
    for sample in float_nets.samples(graph, 3):
        wanted = reference.run(graph, sample)
        got = reals_of(integer, reference.run(lowered, codes_of(integer, sample)))
        for one, other in zip(wanted, got, strict=True):
            span = one.max() - one.min()
            worst = 0.12 if config.weight_bits < 8 else 0.05
            assert np.abs(one - other).max() <= worst * max(span, 0.3)


@pytest.mark.parametrize(
    "kind", ["int8", "int8 asymmetric weights", "uint8", "int8 float ports", "16 bits"]
)
def test_the_c_of_a_quantized_network_gives_the_bits_of_the_reference(kind: str) -> None:
    for graph in (float_nets.residual(), float_nets.joined()):
        integer = quantize(graph, float_nets.samples(graph), CONFIGS[kind])
        runs = [codes_of(integer, sample) for sample in float_nets.samples(graph, 3, seed=5)]
        lowered = api.lower(integer)
        assert verify_model(lowered, edgeq.compile(integer), runs).passed


def test_int8_weights_never_use_the_lowest_code_and_zero_stays_exact() -> None:
    graph = float_nets.residual()
    integer = quantize(graph, float_nets.samples(graph))
    for name in ("w0", "w1", "w2"):
        tensor = integer.tensors[name]
        assert tensor.quant is not None and set(tensor.quant.zero_point) == {0}
        assert np.abs(tensor.array.astype(int)).max() == 127
        error = np.abs(to_reals(tensor.array, tensor.quant) - graph.tensors[name].array)
        assert error.max() <= max(tensor.quant.scale) * 0.5 * (1 + 1e-6)
    assert integer.numerics == "gemmlowp"
    assert [integer.tensors[n].dtype for n in (*integer.inputs, *integer.outputs)] == [
        DType.INT8,
        DType.INT8,
    ]


def test_biases_are_int32_at_input_scale_times_weight_scale() -> None:
    rng = np.random.default_rng(0)
    graph = float_nets.dense(float_nets.random(rng, 4, 6), np.array([0.5, -1, 2, 0]))
    integer = quantize(graph, float_nets.samples(graph))
    scales = integer.tensors["w"].quant
    assert scales is not None
    codes = integer.tensors[integer.ops[0].inputs[2]].array
    steps = integer.tensors["x"].scale * np.array(scales.scale)
    np.testing.assert_array_equal(codes, np.round(np.array([0.5, -1, 2, 0]) / steps))


def test_channels_of_zeros_or_of_tiny_weights_keep_their_bias() -> None:
    w = np.ones((4, 3), np.float32)
    w[1], w[2], w[3] = 0, 1e-30, 1e-38
    graph = float_nets.dense(w, np.array([0, 3, -2, 1]))
    integer = quantize(graph, float_nets.samples(graph))
    (sample,) = float_nets.samples(graph, 1)
    (y,) = reals_of(integer, reference.run(api.lower(integer), codes_of(integer, sample)))
    assert np.abs(y - reference.run(graph, sample)[0]).max() <= integer.tensors["y"].scale


def test_all_zero_weights_can_be_quantized() -> None:
    graph = float_nets.dense(np.zeros((2, 3)), np.array([1, -1]))
    integer = quantize(graph, float_nets.samples(graph))
    (y,) = reals_of(integer, reference.run(api.lower(integer), (np.ones((1, 3), np.int8),)))
    np.testing.assert_allclose(y, [[1, -1]], atol=integer.tensors["y"].scale)


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_alone_need_no_calibration_and_may_be_asymmetric(per_channel: bool) -> None:
    graph = float_nets.residual()
    config = Config(weights_only=True, per_channel=per_channel, symmetric_weights=False)
    found = quantize(graph, config=config)
    assert found.is_float
    assert found.tensors["w0"].dtype is DType.INT8
    (sample,) = float_nets.samples(graph, 1)
    wanted, got = (reference.run(g, sample)[0] for g in (graph, found))
    assert 0 < np.abs(wanted - got).max() < 0.02


def test_the_result_is_the_same_from_the_same_samples_and_survives_a_file(tmp_path: Path) -> None:
    graph = float_nets.residual()
    first, second = (quantize(graph, float_nets.samples(graph)) for _ in range(2))
    assert api.model_hash(first) == api.model_hash(second)
    edgeq.save(first, tmp_path / "m.npz")
    assert api.model_hash(edgeq.load(tmp_path / "m.npz")) == api.model_hash(first)


def test_the_samples_are_counted() -> None:
    graph = float_nets.residual()
    counts: list[int] = []
    quantize(graph, float_nets.samples(graph, 3), progress=counts.append)
    assert counts == [1, 2, 3]


# ---- Bad input ----------------------------------------------------------------------------


def test_no_samples_are_refused() -> None:
    with pytest.raises(QuantizationError, match="no samples"):
        quantize(float_nets.residual(), [])


@pytest.mark.parametrize(
    ("sample", "what"),
    [
        ((np.zeros((1, 8, 8, 4), np.float32),), "sample 1: input 0"),
        ((np.zeros((1, 8, 8, 3)),), "float64"),
        ((), "0 inputs given, the model has 1"),
        ((np.full((1, 8, 8, 3), np.nan, np.float32),), "holds NaN or infinity"),
    ],
)
def test_a_sample_that_does_not_fit_is_named(sample: tuple[np.ndarray, ...], what: str) -> None:
    graph = float_nets.residual()
    good = next(iter(float_nets.samples(graph)))
    with pytest.raises(ModelError, match=what):
        quantize(graph, [good, sample])


def test_a_range_that_collapses_is_named() -> None:
    graph = float_nets.residual()
    with pytest.raises(QuantizationError, match="tensor 'x': every value is 0"):
        quantize(graph, [(np.zeros((1, 8, 8, 3), np.float32),)])


def test_a_network_that_overflows_is_named() -> None:
    graph = float_nets.dense(np.full((2, 3), 3e38))
    with pytest.raises(QuantizationError, match="tensor 'y': the float network gives NaN"):
        quantize(graph, [(np.full((1, 3), 10, np.float32),)])


def test_an_integer_model_is_no_float_model(tmp_path: Path) -> None:
    edgeq.save(small_networks.network(), tmp_path / "m.npz")
    with pytest.raises(ModelError, match="an integer network already"):
        load_float(tmp_path / "m.npz")


# ---- Real networks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["mlperf_ad01_fp32", "mlperf_pretrainedResnet_fp32", "mlperf_vww_96_fp32"],
)
def test_a_real_network_is_bit_exact_on_the_host(name: str) -> None:
    graph = load_float(require_shared("models", f"{name}.tflite"))
    runs = list(float_nets.samples(graph, 2))
    integer = quantize(graph, runs)
    lowered = api.lower(integer)
    verdict = verify_model(
        lowered, edgeq.compile(integer), [codes_of(integer, run) for run in runs]
    )
    assert verdict.passed
    wanted = reference.run(graph, runs[0])[0]
    got = reals_of(integer, reference.run(lowered, codes_of(integer, runs[0])))[0]
    assert np.corrcoef(wanted.reshape(-1), got.reshape(-1))[0, 1] > 0.99
