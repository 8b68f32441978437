"""The digits example: its model, its demo, and the recipe that made the model."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import edgeq
from edgeq import api, reference
from edgeq.emit.write import write_folder
from edgeq.host.toolchain import host_compiler
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ir.verify import verify

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = FOLDER / "digits.npz"
ACCURACY = 0.98  # on the held-out images; the committed model has more
MODULES = ("dataset", "network", "pictures", "quantize", "train", "demo")


@pytest.fixture(scope="module")
def digits() -> Iterator[SimpleNamespace]:
    """Return the modules of the example, which import each other as scripts in one folder do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(FOLDER), *sys.path])
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return edgeq.load(MODEL)


@pytest.fixture(scope="module")
def answers(digits: SimpleNamespace, graph: Graph) -> np.ndarray:
    """Return what the reference answers to the held-out images, [N,1,10]."""
    _, held_out = digits.dataset.split()
    lowered = api.lower(graph)
    return np.array([reference.run(lowered, [image[None]])[0] for image in held_out.images])


def test_the_model_is_small_and_in_uint8(graph: Graph) -> None:
    assert verify(graph) is graph
    assert MODEL.stat().st_size < 20_000
    assert graph.numerics == "gemmlowp"
    assert {t.dtype for t in graph.tensors.values()} == {DType.UINT8, DType.INT32}


def test_the_reference_reads_the_held_out_images(
    digits: SimpleNamespace, answers: np.ndarray
) -> None:
    seen, held_out = digits.dataset.split()
    assert (len(seen.labels), len(held_out.labels)) == (1437, 360)
    assert (answers[:, 0].argmax(axis=1) == held_out.labels).mean() >= ACCURACY


@pytest.mark.parametrize("target", ["host", "portable"])
def test_the_c_answers_as_the_reference(
    digits: SimpleNamespace, graph: Graph, answers: np.ndarray, target: str
) -> None:
    _, held_out = digits.dataset.split()
    np.testing.assert_array_equal(edgeq.compile(graph, target)(held_out.images[:, None]), answers)


def test_the_demo_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "demo.py"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "values compared, 0 differ" in done.stdout
    assert "it is" in done.stdout
    found = re.search(r"([\d,]+) bytes of code \+ ([\d,]+) of data", done.stdout)
    assert found is not None
    assert all(int(number.replace(",", "")) > 1000 for number in found.groups())
    assert (tmp_path / "out" / "src" / "digits.c").is_file()


def _altered(graph: Graph, name: str) -> Graph:
    """Return the graph with the first value of a constant larger by one unit in its codes."""
    data = graph.tensors[name].array.copy()
    data.flat[0] += 1
    changed = replace(graph.tensors[name], data=data)
    return replace(graph, tensors={**graph.tensors, name: changed})


def test_the_demo_counts_what_differs(digits: SimpleNamespace, graph: Graph) -> None:
    _, held_out = digits.dataset.split()
    images = held_out.images[:3]
    other = edgeq.compile(_altered(graph, "conv_weights"))
    found = digits.demo.compare(api.lower(graph), other, images)
    same = digits.demo.compare(api.lower(graph), edgeq.compile(graph), images)
    assert found.values == same.values == len(images) * (sum_of_layers(graph) + 10)
    assert found.differing > same.differing == 0


def sum_of_layers(graph: Graph) -> int:
    """Return the values that the layers of the lowered graph write in one run."""
    lowered = api.lower(graph)
    return sum(lowered.tensors[name].elements for op in lowered.ops for name in op.outputs)


def test_the_demo_sees_a_self_test_fail(
    digits: SimpleNamespace, graph: Graph, tmp_path: Path
) -> None:
    _, files = edgeq.generate(graph)
    _, others = edgeq.generate(_altered(graph, "conv_weights"))
    weights = "src/digits_weights.c"
    compiler = host_compiler()
    for content, expected in ((files[weights], True), (others[weights], False)):
        write_folder({**files, weights: content}, tmp_path / "out")
        passed, said = digits.demo.self_test(tmp_path / "out", compiler)
        assert passed is expected
        assert ("differs" in said) is not expected


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda m, w: m.Conv(w(3, 3, 3, 2)), (2, 4, 4, 2)),
        (lambda m, w: m.Conv(w(3, 1, 1, 2)), (2, 4, 4, 2)),
        (lambda m, w: m.Depthwise(w(1, 3, 3, 2), stride=2), (2, 4, 4, 2)),
        (lambda m, w: m.Dense(w(3, 8)), (2, 2, 2, 2)),
    ],
    ids=["conv", "pointwise", "depthwise", "dense"],
)
def test_gradients_are_differences(digits: SimpleNamespace, make: object, shape: tuple) -> None:
    # Each layer is linear in each number of its own: in whole numbers the differences are exact.
    rng = np.random.default_rng(0)
    layer = make(digits.network, lambda *size: rng.integers(-4, 5, size))
    layer.relu = False
    x = rng.integers(-4, 5, shape).astype(np.float32)
    slope = rng.integers(-4, 5, layer.forward(x).shape).astype(np.float32)
    gradients = {"x": layer.backward(slope), **layer.gradients}
    for name, array in {"x": x, **layer.parameters}.items():
        before = (layer.forward(x) * slope).sum()
        for index in np.ndindex(array.shape):
            array[index] += 1
            assert (layer.forward(x) * slope).sum() - before == gradients[name][index]
            array[index] -= 1


def test_relu_and_pooling_pass_gradients_where_values_come_from(digits: SimpleNamespace) -> None:
    layer = digits.network.Dense(np.eye(2))
    layer.relu = True
    assert layer.forward(np.array([[3.0, -3.0]])).tolist() == [[3, 0]]
    assert layer.backward(np.array([[5.0, 7.0]])).tolist() == [[5, 0]]
    pool = digits.network.MaxPool()
    square = np.array([1.0, 4.0, 2.0, 3.0]).reshape(1, 2, 2, 1)
    assert pool.forward(square).tolist() == [[[[4]]]]
    assert pool.backward(np.array([[[[9.0]]]])).ravel().tolist() == [0, 9, 0, 0]


@pytest.mark.parametrize("low", [-3.0, -0.01, 0.0, 1.0])
@pytest.mark.parametrize("high", [-1.0, 0.0, 0.7, 6.0])
@pytest.mark.parametrize("first", [0, 1])
def test_zero_is_a_code(digits: SimpleNamespace, low: float, high: float, first: int) -> None:
    if max(high, 0) == min(low, 0):
        high = 1.0
    quant = digits.quantize.affine(low, high, first)
    assert first <= quant.zero_point[0] <= 255
    assert quant.scale[0] == (max(high, 0.0) - min(low, 0.0)) / (255 - first)


def test_the_recipe_makes_a_graph_of_the_papers_scheme(
    digits: SimpleNamespace, tmp_path: Path
) -> None:
    seen, _ = digits.dataset.split()
    few = digits.dataset.Digits(seen.images[:320], seen.labels[:320])
    made = []
    for _ in range(2):
        network = digits.train.train(few, epochs=4)
        made.append(digits.quantize.quantize(network, digits.train.observe(network, few)))
    graph = made[0]
    edgeq.save(graph, tmp_path / "few.npz")
    assert api.model_hash(edgeq.load(tmp_path / "few.npz")) == api.model_hash(made[1])
    assert digits.train.accuracy(network, few) > 0.5
    assert digits.train.integer_accuracy(graph, few) > 0.5
    for name in ("conv", "depthwise", "pointwise", "logits"):
        x, weights, bias = graph.operands(graph.producers()[name]).ins
        # The narrow range, all of it.
        assert (weights.array.min(), weights.array.max()) == (1, 255)
        assert (bias.scale, bias.zero_point) == (x.scale * weights.scale, 0)
