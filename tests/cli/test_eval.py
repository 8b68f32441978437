"""``edgeq eval``: data and options to a table of scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgeq as package
from edgeq import reference
from edgeq.evaluation.engines import Network, start
from edgeq.quantize import quantize
from tests.cli.conftest import Command
from tests.quantize import float_nets

NET = float_nets.residual()
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
REALS = PIXELS / np.float32(255)
CLASSES = [int(reference.run(NET, (x[np.newaxis],))[0].argmax()) for x in REALS]
INTEGER = quantize(NET, ((x[np.newaxis],) for x in REALS))


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """Return the file of a float network."""
    package.save(NET, tmp_path / "float.npz")
    return tmp_path / "float.npz"


@pytest.fixture
def integer(tmp_path: Path) -> Path:
    """Return the file of its quantized form."""
    package.save(INTEGER, tmp_path / "int8.npz")
    return tmp_path / "int8.npz"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return pictures in folders of the classes that the float network gives them."""
    for index, (pixels, label) in enumerate(zip(PIXELS, CLASSES, strict=True)):
        path = tmp_path / "pictures" / str(label) / f"{index}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "pictures"


def test_networks_and_engines_side_by_side(
    edgeq: Command, floats: Path, integer: Path, pictures: Path
) -> None:
    engines = ["--engine", "c", "--engine", "reference"]
    arguments = ["eval", integer, "--data", pictures, "--scale", "0..1", "--against", floats]
    found = edgeq(*arguments, *engines, "--json")
    assert (found.code, found.err) == (0, "")
    assert (found.json["samples"], found.json["metric"]) == (12, "top1")
    rows = found.json["results"]
    assert [(Path(row["network"]).name, row["engine"]) for row in rows] == [
        ("int8.npz", "c"),
        ("int8.npz", "reference"),
        ("float.npz", "reference"),
    ]
    assert rows[1]["equal"] == 1
    assert rows[2]["value"] == 1
    assert rows[0]["value"] == rows[2]["same_class"]
    shown = edgeq(*arguments)
    assert shown.code == 0
    for text in ("top1", "95 % confidence", "same class", "largest difference", "12 samples"):
        assert text in shown.out


def test_a_wrong_preprocessing_is_pointed_out(
    edgeq: Command, integer: Path, pictures: Path
) -> None:
    right = edgeq("eval", integer, "--data", pictures, "--scale", "0..1")
    wrong = edgeq("eval", integer, "--data", pictures)
    assert (right.code, wrong.code) == (0, 0)
    assert "is the preprocessing" not in right.out
    assert "of the input values are beyond what" in wrong.out
    assert "is the preprocessing" in wrong.out


def test_arrays_a_metric_of_ones_own_and_fewer_samples(
    edgeq: Command, integer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "d.npz", a=REALS, b=CLASSES)
    (tmp_path / "own_cost.py").write_text(
        "def cost(output, target):\n    return float(target) + output.sum()\n"
    )
    monkeypatch.chdir(tmp_path)
    options = ["--arrays", "a,b", "--metric", "own_cost:cost", "--samples", "5", "--json"]
    found = edgeq("eval", integer, "--data", "d.npz", *options).json
    assert (found["samples"], found["metric"]) == (5, "own_cost:cost")
    run = start(Network("n", INTEGER), "reference")
    sums = [run((x[np.newaxis],))[0].sum() for x in REALS[:5]]
    costs = [c + y for c, y in zip(CLASSES[:5], sums, strict=True)]
    assert found["results"][0]["value"] == np.mean(costs)


def test_without_labels_only_agreement_is_measured(
    edgeq: Command, floats: Path, integer: Path, pictures: Path
) -> None:
    some = next(path for path in pictures.iterdir() if path.is_dir())
    arguments = ["eval", integer, "--data", some, "--scale", "0..1", "--against", floats]
    found = edgeq(*arguments, "--json").json
    assert found["metric"] is None
    assert found["results"][0]["value"] is None
    assert 0 < found["results"][1]["difference"] < 0.1
    assert found["results"][1]["same_class"] == 1
    assert edgeq(*arguments).code == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--metric", "accuracy"], "unknown metric 'accuracy'"),
        (["--metric", "top1", "--labels", "none.txt"], "none.txt: cannot be read"),
        (["--metric", "miou"], "a mask of shape []"),
        (["--engine", "tvm"], "unknown engine 'tvm'"),
        (["--engine", "litert"], "--engine litert: engine litert runs .tflite files"),
        (["--resize", "4x4"], "a picture of 4x4 for an input of 8x8"),
        (["--numerics", "nearly"], "unknown numerics profile"),
        (["--against", "OTHER"], "takes inputs of [[1, 6, 6, 3]], but 'int8.npz' of [[1, 8, 8"),
    ],
)
def test_what_cannot_be_is_refused(
    edgeq: Command, model: Path, integer: Path, pictures: Path, options: list[str], what: str
) -> None:
    given = [str(model) if option == "OTHER" else option for option in options]
    result = edgeq("eval", integer, "--data", pictures, *given)
    assert result.code == 2
    assert what in " ".join(result.err.split())


def test_a_damaged_picture_is_named_once(edgeq: Command, integer: Path, pictures: Path) -> None:
    path = next(pictures.rglob("*.png"))
    path.write_bytes(b"no picture")
    result = edgeq("eval", integer, "--data", pictures, "--scale", "0..1")
    assert result.code == 2
    assert result.err.count(path.name) == 1
    assert "cannot be read as a picture" in " ".join(result.err.split())


def test_a_float_network_has_no_c(edgeq: Command, floats: Path, pictures: Path) -> None:
    result = edgeq("eval", floats, "--data", pictures, "--engine", "c")
    assert result.code == 2
    assert "quantize it first" in " ".join(result.err.split())
