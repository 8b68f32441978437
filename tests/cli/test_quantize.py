"""``edgeq quantize``: options, samples in files, and what stops them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeq as package
from edgeq import api
from edgeq.ir.types import DType
from edgeq.quantize import Config, quantize
from tests.cli.conftest import Command
from tests.quantize import float_nets

NET = float_nets.residual()
SAMPLES = np.stack([sample[0] for sample in float_nets.samples(NET)])


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """Return the file of a float network."""
    package.save(NET, tmp_path / "float.npz")
    return tmp_path / "float.npz"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Return a file of samples."""
    np.savez(tmp_path / "x.npz", input0=SAMPLES)
    return tmp_path / "x.npz"


def test_a_float_model_becomes_the_integer_model_of_the_api(
    edgeq: Command, floats: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "int8.npz"
    result = edgeq("quantize", floats, "-c", samples, "-o", out, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["samples"] == len(SAMPLES)
    assert result.json["outputs"][0]["scale"] == 1 / 256
    wanted = quantize(NET, ((x,) for x in SAMPLES))
    assert api.model_hash(package.load(out)) == api.model_hash(wanted)
    assert edgeq("verify", out, "--quiet").code == 0


def test_options_reach_the_quantizer(
    edgeq: Command, floats: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.npz"
    options = ["--dtype", "uint8", "--per-tensor", "--asymmetric-weights", "--observer", "mse"]
    assert edgeq("quantize", floats, "-c", samples, "-o", out, *options, "--samples", "3").code == 0
    config = Config(
        dtype=DType.UINT8,
        per_channel=False,
        symmetric_weights=False,
        observer="mse",
    )
    wanted = quantize(NET, ((x,) for x in SAMPLES[:3]), config)
    assert api.model_hash(package.load(out)) == api.model_hash(wanted)


def test_weights_alone_need_no_samples(edgeq: Command, floats: Path, tmp_path: Path) -> None:
    result = edgeq("quantize", floats, "-o", tmp_path / "w.npz", "--weights-only", "--json")
    assert (result.code, result.json["samples"], result.json["observer"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"input0": SAMPLES[..., :2]}, "expected [N, 1, 8, 8, 3]"),
        ({"input0": SAMPLES[:0]}, "'input0' holds no samples"),
        ({"z": SAMPLES}, "no array 'input0'"),
        ({"input0": SAMPLES * np.nan}, "sample 0: input 0 ('x') holds NaN or infinity"),
        ({"input0": np.zeros_like(SAMPLES)}, "tensor 'x': every value is 0"),
        ({"input0": SAMPLES.astype("U4")}, "no real numbers"),
    ],
)
def test_samples_that_do_not_fit_are_named(
    edgeq: Command, floats: Path, tmp_path: Path, arrays: dict[str, np.ndarray], what: str
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
    result = edgeq("quantize", floats, "-c", tmp_path / "bad.npz", "-o", tmp_path / "m.npz")
    assert result.code == 2
    assert what in " ".join(result.err.split())
    assert not (tmp_path / "m.npz").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ([], "no samples to calibrate with"),
        (["-c", "X", "--weights-only"], "weights alone need no samples"),
        (["-c", "X", "--asymmetric-weights"], "asymmetric weights with a scale per channel"),
        (["-c", "X", "--percentile", "99"], "--percentile with --observer minmax"),
        (["-c", "X", "--weight-bits", "12"], "weights of 12 bits"),
        (["--weights-only", "--float-io"], "leave one of the two out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    edgeq: Command, floats: Path, samples: Path, tmp_path: Path, options: list[str], what: str
) -> None:
    given = [str(samples) if option == "X" else option for option in options]
    result = edgeq("quantize", floats, "-o", tmp_path / "m.npz", *given)
    assert result.code == 2
    assert what in " ".join(result.err.split())


def test_an_integer_model_is_refused(edgeq: Command, model: Path, tmp_path: Path) -> None:
    result = edgeq("quantize", model, "-o", tmp_path / "m.npz", "--weights-only")
    assert result.code == 2
    assert "an integer network already" in " ".join(result.err.split())


def test_the_loss_of_each_layer_is_explained_worst_first(
    edgeq: Command, floats: Path, samples: Path, tmp_path: Path
) -> None:
    arguments = ["quantize", floats, "-c", samples, "-o", tmp_path / "m.npz", "--explain"]
    for extra in ([], ["--equalize"]):
        found = edgeq(*arguments, *extra, "--json").json["losses"]
        assert [loss["isolated"] for loss in found] == sorted(loss["isolated"] for loss in found)
        assert {loss["layer"] for loss in found} == {op.source for op in NET.ops} - {"relu"}
    shown = edgeq(*arguments)
    assert shown.code == 0
    assert "isolated dB" in shown.out
    refused = edgeq("quantize", floats, "-o", tmp_path / "w.npz", "--weights-only", "--explain")
    assert refused.code == 2
