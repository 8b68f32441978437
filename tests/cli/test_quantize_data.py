"""``edgeq quantize``: calibration with pictures, and drawings of what was lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgeq as package
from edgeq import api
from edgeq.quantize import quantize
from tests.cli.conftest import Command
from tests.quantize import float_nets

NET = float_nets.residual()
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
REALS = (PIXELS.astype(np.float64) * 2 / 255 - 1).astype(np.float32)


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """Return the file of a float network."""
    package.save(NET, tmp_path / "float.npz")
    return tmp_path / "float.npz"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return class folders of pictures."""
    for index, pixels in enumerate(PIXELS):
        path = tmp_path / "pictures" / f"class{index // 3}" / f"{index}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "pictures"


def test_pictures_calibrate_as_their_arrays_do(
    edgeq: Command, floats: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.npz"
    result = edgeq("quantize", floats, "-c", pictures, "--scale", "-1..1", "-o", out, "--json")
    assert (result.code, result.err, result.json["samples"]) == (0, "", 6)
    wanted = quantize(NET, ((x[np.newaxis],) for x in REALS))
    assert api.model_hash(package.load(out)) == api.model_hash(wanted)
    # Evenly spread over the class folders.
    few = ["--samples", "2", "--scale", "-1..1", "--quiet"]
    assert edgeq("quantize", floats, "-c", pictures, "-o", out, *few).code == 0
    wanted = quantize(NET, ((REALS[index][np.newaxis],) for index in (0, 3)))
    assert api.model_hash(package.load(out)) == api.model_hash(wanted)


def test_pictures_of_another_size_are_resized(edgeq: Command, floats: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(PIXELS[0]).resize((20, 10)).save(path)
    arguments = ["quantize", floats, "-c", path, "-o", tmp_path / "m.npz"]
    refused = edgeq(*arguments)
    assert refused.code == 2
    assert "a picture of 20x10 for an input of 8x8" in " ".join(refused.err.split())
    assert "--resize 8x8" in refused.err
    assert edgeq(*arguments, "--resize", "8", "--crop", "center").code == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["-c", "P", "--arrays", "x"], "--arrays with pictures"),
        (["-c", "P", "--color", "gray"], "--color gray, but the input"),
        (["-c", "P", "--scale", "1..1"], "--scale 1..1"),
        (["--weights-only", "--scale", "0..1"], "--scale without data"),
        (["-c", "P", "--plots", "D"], "--plots without --explain"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    edgeq: Command, floats: Path, pictures: Path, tmp_path: Path, options: list[str], what: str
) -> None:
    given = [str(pictures) if option == "P" else option for option in options]
    result = edgeq("quantize", floats, "-o", tmp_path / "m.npz", *given)
    assert result.code == 2
    assert what in " ".join(result.err.split())
    assert not (tmp_path / "m.npz").exists()


def test_losses_are_drawn(edgeq: Command, floats: Path, pictures: Path, tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    arguments = ["quantize", floats, "-c", pictures, "--scale", "-1..1", "-o", tmp_path / "m.npz"]
    found = edgeq(*arguments, "--explain", "--plots", plots, "--json")
    assert (found.code, found.err) == (0, "")
    files = {path.name: path.read_text() for path in plots.glob("*.svg")}
    assert sorted(files) == found.json["plots"]
    assert len(files) == 1 + len(found.json["losses"])
    for loss in found.json["losses"]:
        assert loss["layer"] in files["sqnr.svg"]
        assert any(f">{loss['layer']} ({loss['kind']})" in text for text in files.values())
