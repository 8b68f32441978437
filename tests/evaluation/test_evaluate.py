"""Networks side by side: scores, agreement, engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq.errors import EdgeqError, ModelError, ToolchainError, UnsupportedError
from edgeq.evaluation.engines import Network, start
from edgeq.evaluation.evaluate import evaluate, measure
from edgeq.quantize import load_float, quantize
from edgeq.quantize.ranges import to_codes
from tests import small_networks
from tests.frontends.tflite.test_variables import Stateful
from tests.ops.recurrent_files import Lstm, Svdf
from tests.quantize import float_nets
from tests.shared_material import require_shared

FLOAT = float_nets.residual()
INTEGER = quantize(FLOAT, float_nets.samples(FLOAT))
Arrays = tuple[np.ndarray, ...]


def labelled(count: int = 30) -> Iterator[tuple[Arrays, int]]:
    """Yield samples with the class that the float network gives them."""
    run = start(Network("f", FLOAT), "reference")
    for (x,) in float_nets.samples(FLOAT, count, seed=3):
        yield (x,), int(run((x,))[0].argmax())


def test_integer_and_float_networks_side_by_side() -> None:
    floats, integer = edgeq.evaluate({"float": FLOAT, "int8": INTEGER}, labelled())
    assert (floats.network, floats.engine, floats.metric) == ("float", "reference", "top1")
    assert (integer.network, integer.engine, integer.samples) == ("int8", "c", 30)
    assert floats.value == 1
    assert (floats.equal, floats.same_class, floats.difference) == (None, None, None)
    # The labels are the float network's own classes.
    assert integer.value == integer.same_class
    assert integer.value is not None
    assert integer.value > 0.8
    assert integer.equal == 0
    assert integer.difference is not None
    assert 0 < integer.difference < 0.1
    assert integer.low is not None
    assert integer.high is not None
    assert integer.low < integer.value <= integer.high
    assert evaluate(INTEGER, labelled())[0].value == integer.value


def test_c_and_reference_are_equal_to_the_last_bit() -> None:
    network = Network("net", INTEGER)
    runs = [(engine, start(network, engine)) for engine in ("c", "reference")]
    _, reference = measure(runs, labelled())
    assert (reference.equal, reference.same_class, reference.difference) == (1, 1, 0)
    other = Network("other", INTEGER, numerics="single")
    (single,) = measure([("single", start(other, "c"))], labelled())
    assert single.value is not None


def test_agreement_counts_samples_classes_and_the_largest_difference() -> None:
    def shifted(amount: float) -> edgeq.evaluation.evaluate.Run:
        return lambda inputs: (inputs[0] + amount * (inputs[0] > 0.5),)

    data = [(np.array([x, 0.4]), None) for x in (0.0, 0.3, 0.6, 0.7)]
    runs = {"first": shifted(0), "second": shifted(-0.5)}
    first, second = evaluate(runs, data, lambda y, _: float(y.sum()))
    assert first.value == pytest.approx((0.4 + 0.7 + 1.0 + 1.1) / 4)
    assert (second.equal, second.difference, second.same_class) == (0.5, 0.5, None)
    for _, score in enumerate(evaluate(runs, [(x, 1) for x, _ in data])[1:]):
        assert score.same_class == 0.5
    classes = {"first": lambda _: (np.array([3]),), "second": lambda _: (np.array([7]),)}
    score = evaluate(classes, [(x, 3) for x, _ in data])[1]
    assert (score.value, score.equal, score.same_class, score.difference) == (0, 0, 0, None)
    # A single output need not be in a tuple.
    assert evaluate(lambda inputs: inputs[0], data, "mse")[0].value == 0
    shorter = {"first": shifted(0), "second": lambda inputs: (inputs[0][:1],)}
    score = evaluate(shorter, data, lambda y, _: 0.0)[1]
    assert (score.equal, score.difference) == (None, None)


def test_infinite_and_missing_numbers_count_as_different() -> None:
    nan, x = np.array([np.nan, 1.0]), np.array([0.0, 1.0])
    runs = {"a": lambda _: (nan,), "b": lambda _: (nan,), "c": lambda _: (x,)}
    _, same, other = evaluate(runs, [(x, None)], lambda y, _: 0.0)
    assert (same.equal, same.difference) == (1, 0)
    assert (other.equal, other.difference) == (0, float("inf"))


@pytest.mark.parametrize(
    ("target", "output", "metric"),
    [
        (3, (1, 5), "top1"),
        ([3], (1, 5), "top1"),
        ([[0, 1], [1, 0]], (1, 2, 2, 3), "miou"),
        ([0.5, 0.25], (1, 2), "mse"),
        (0.5, (1, 1), "mse"),
        (None, (2, 2), "mse"),
        (None, (1, 5), None),
    ],
)
def test_the_usual_metric_follows_from_the_targets(
    target: object, output: tuple[int, ...], metric: str | None
) -> None:
    wanted = None if target is None else np.asarray(target)
    data = [(np.zeros((2, 2)), wanted)]
    (score,) = evaluate(lambda _: (np.ones(output, np.float32),), data)
    assert score.metric == metric
    assert (score.value is None) == (metric is None)


def test_inputs_beyond_the_codes_are_counted() -> None:
    x = INTEGER.tensors["x"]
    assert x.quant is not None
    top = (127 - x.zero_point) * x.scale
    inside, outside = np.full(x.shape, top, np.float32), np.full(x.shape, 2 * top, np.float32)
    outside[0, 0] = top
    (score,) = evaluate(INTEGER, [(inside, None), (outside, None)])
    assert score.outside == pytest.approx(7 / 16)
    # Clamped, not wrapped round.
    run = start(Network("n", INTEGER), "c")
    same = start(Network("n", INTEGER), "reference")
    assert np.array_equal(run((outside,))[0], same((outside,))[0])
    assert to_codes(outside, x.quant, -128, 127).max() == 127


def test_data_that_does_not_fit_is_refused() -> None:
    x = np.zeros((1, 8, 8, 3), np.float32)
    cases: tuple[tuple[list[tuple[object, object]], str], ...] = (
        ([], "the data holds no samples"),
        ([(x, 1), (x[:, :4], 1)], r"sample 1: 'x' is \[1, 8, 8, 3\], not \[1, 4, 8, 3\]"),
        ([((x, x), 1)], "sample 0: 2 inputs given, the model has 1"),
        ([(x * np.nan, 1)], "holds NaN or infinity"),
        ([(x, np.nan)], "sample 0: the target holds NaN or infinity"),
        ([(x, 5)], "label 5 for 5 classes"),
        ([(x, 1), (x, None)], "sample 1: metric top1 needs labels"),
    )
    for data, what in cases:
        with pytest.raises(ModelError, match=what):
            evaluate(INTEGER, data)  # type: ignore[arg-type]
    with pytest.raises(EdgeqError, match="no network"):
        evaluate({}, [(x, 1)])


def test_engines_that_cannot_run_a_network_say_why() -> None:
    for network, engine, what in (
        (Network("f", FLOAT), "c", "quantize it first"),
        (Network("i", INTEGER), "litert", "runs .tflite files"),
        (Network("i", INTEGER, Path("a.npz")), "onnxruntime", "a.npz: engine onnxruntime runs"),
        (Network("i", INTEGER), "tvm", "unknown engine 'tvm' .*litert"),
    ):
        with pytest.raises(EdgeqError, match=what):
            start(network, engine)


def test_an_engine_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr("edgeq.optional.import_module", missing)
    for engine, name in (("litert", "a.tflite"), ("onnxruntime", "a.onnx")):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(UnsupportedError, match=r"is not installed .*pip install"):
            start(Network("n", INTEGER, tmp_path / name), engine)


def test_what_another_engine_refuses_is_an_error_of_its(tmp_path: Path) -> None:
    for engine, name, package in (
        ("litert", "a.tflite", "LiteRT"),
        ("onnxruntime", "a.onnx", "ONNX"),
    ):
        (tmp_path / name).write_bytes(b"no model")
        with pytest.raises(ToolchainError, match=package):
            start(Network("n", INTEGER, tmp_path / name), engine)


def test_litert_runs_the_file_beside_the_c() -> None:
    path = require_shared("models", "mlperf_ad01_int8.tflite")
    network = Network("ad01", edgeq.load(path), path, "tflite-ref")
    engines = ("c", "litert-ref", "litert")
    runs = [(engine, start(network, engine)) for engine in engines]
    rng = np.random.default_rng(0)
    data = [(rng.normal(-20, 10, (1, 640)).astype(np.float32), None) for _ in range(3)]
    c, theirs, default = measure(runs, data)
    assert c.metric == "mse"
    assert (theirs.equal, theirs.difference) == (1, 0)
    # XNNPACK's fully connected layers are the reference's, to the bit.
    assert (default.equal, default.difference, default.value) == (1, 0, c.value)


def _counting() -> bytes:
    """Return a file that adds what it is given to a resource variable."""
    file = Stateful(sum=np.array([[1, 2, 3, 4]], np.int8))
    total = file.add(file.x, file.read(file.handle("sum")))
    file.assign(file.handle("sum"), total)
    return file.data(total)


@pytest.mark.parametrize(
    "data", [_counting(), Svdf().file(), Lstm().file()], ids=["variable", "svdf", "lstm"]
)
def test_litert_forgets_one_sample_before_the_next(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    network = Network("m", edgeq.load(path), path)
    assert network.graph.states
    runs = [(engine, start(network, engine)) for engine in ("c", "reference", "litert-ref")]
    shape = network.graph.tensors[network.graph.inputs[0]].shape
    samples = [np.full(shape, value, np.float32) for value in (1.0, 0.5, 1.0)]
    _, own, theirs = measure(runs, [(x, None) for x in samples], lambda y, _: float(y.sum()))
    assert (own.equal, theirs.equal) == (1, 1)
    again = [runs[2][1]((x,))[0] for x in samples]
    assert np.array_equal(again[0], again[2])


def test_onnx_runtime_runs_the_file_beside_the_reference() -> None:
    path = require_shared("models", "emx_micro_kws_m_static_fp32.onnx")
    network = Network("kws", load_float(path), path)
    runs = [(engine, start(network, engine)) for engine in ("reference", "onnxruntime")]
    x = network.graph.tensors[network.graph.inputs[0]]
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=x.shape).astype(np.float32), 1) for _ in range(3)]
    _, theirs = measure(runs, data)
    assert theirs.same_class == 1
    # Sums in another order: some float32 roundings of numbers below 1.
    assert theirs.difference is not None
    assert theirs.difference < 1e-5


def test_whole_numbers_are_taken_as_they_are() -> None:
    graph = small_networks.network()
    run = start(Network("n", graph), "c")
    x = graph.tensors["x"]
    codes = np.random.default_rng(0).integers(-128, 128, x.shape)
    reals = ((codes - x.zero_point) * x.scale).astype(np.float32)
    y = edgeq.compile(graph)(codes.astype(np.int8))
    np.testing.assert_array_equal(run((reals,))[0], y * np.float32(graph.tensors["y"].scale))
