"""``edgeq run``: arrays in, arrays out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq import api, reference
from tests.cli.conftest import Command
from tests.small_networks import float_network, network
from tests.small_networks import pair as pair_network

LOWERED = api.lower(network())
RUNS = [reference.sample_inputs(LOWERED, seed)[0] for seed in range(3)]


def outputs(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz."""
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("engine", ["c", "reference"])
def test_one_run_has_the_models_shape(
    edgeq: Command, model: Path, tmp_path: Path, engine: str
) -> None:
    np.save(tmp_path / "x.npy", RUNS[0])
    out = tmp_path / "y.npz"
    result = edgeq("run", model, "--input", tmp_path / "x.npy", "--output", out, "--engine", engine)
    assert (result.code, result.err) == (0, "")
    arrays = outputs(out)
    assert list(arrays) == ["output0"]
    assert arrays["output0"].dtype == np.int8
    np.testing.assert_array_equal(arrays["output0"], reference.run(LOWERED, [RUNS[0]])[0])


@pytest.mark.parametrize("target", ["host", "portable", "aarch64", "armv7-neon"])
def test_a_leading_axis_is_a_sequence_of_runs(
    edgeq: Command, model: Path, tmp_path: Path, target: str
) -> None:
    np.savez(tmp_path / "x.npz", input0=np.stack(RUNS))
    out = tmp_path / "y.npz"
    result = edgeq("run", model, "-i", tmp_path / "x.npz", "-o", out, "-t", target, "--json")
    expected = np.stack([reference.run(LOWERED, [x])[0] for x in RUNS])
    np.testing.assert_array_equal(outputs(out)["output0"], expected)
    facts = result.json
    assert (facts["runs"], facts["engine"], facts["target"]) == (3, "c", target)
    assert facts["outputs"][0]["shape"] == [1, 5]


def test_a_sequence_of_one_keeps_its_axis(edgeq: Command, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RUNS[0][np.newaxis])
    edgeq("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npz")
    assert outputs(tmp_path / "y.npz")["output0"].shape == (1, 1, 5)


def test_several_ports_keep_the_models_order(edgeq: Command, pair: Path, tmp_path: Path) -> None:
    lowered = api.lower(pair_network())
    p, q = reference.sample_inputs(lowered, 5)
    np.savez(tmp_path / "x.npz", input1=q, input0=p)
    edgeq("run", pair, "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    arrays = outputs(tmp_path / "y.npz")
    assert {key: a.shape for key, a in arrays.items()} == {"output0": (1, 3), "output1": (1, 4)}
    for have, want in zip(arrays.values(), reference.run(lowered, (p, q)), strict=True):
        np.testing.assert_array_equal(have, want)


def test_the_profile_decides_the_rounding(edgeq: Command, model: Path, tmp_path: Path) -> None:
    runs = [reference.sample_inputs(LOWERED, seed)[0] for seed in range(40)]
    np.save(tmp_path / "x.npy", np.stack(runs))
    found = {}
    for name in ("gemmlowp", "single"):
        out = tmp_path / f"{name}.npz"
        edgeq("run", model, "-i", tmp_path / "x.npy", "-o", out, "--numerics", name)
        lowered = api.lower(network(), name)
        found[name] = outputs(out)["output0"]
        np.testing.assert_array_equal(
            found[name], np.stack([reference.run(lowered, [x])[0] for x in runs])
        )


def test_the_reference_also_runs_float_networks(
    edgeq: Command, floats: Path, tmp_path: Path
) -> None:
    x = np.float32([[1, -2, 0.5]])
    np.save(tmp_path / "x.npy", x)
    arguments = ("run", floats, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npz")
    assert edgeq(*arguments, "--engine", "reference").code == 0
    expected = reference.run(float_network(), [x])[0]
    np.testing.assert_array_equal(outputs(tmp_path / "y.npz")["output0"], expected)
    refused = edgeq(*arguments)
    assert refused.code == 3
    assert "float" in refused.err


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (RUNS[0].astype(np.int16), "int16"),
        (RUNS[0][0, :5], "[5, 6, 3]"),
        (np.stack([RUNS])[..., 0], "[1, 3, 1, 6, 6]"),
        (np.zeros((0, 1, 6, 6, 3), np.int8), "no runs"),
    ],
    ids=["dtype", "shape", "rank", "none"],
)
def test_inputs_that_do_not_fit(
    edgeq: Command, model: Path, tmp_path: Path, array: np.ndarray, words: str
) -> None:
    np.save(tmp_path / "x.npy", array)
    result = edgeq("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npz")
    assert (result.code, result.out) == (2, "")
    assert str(tmp_path / "x.npy") in result.err
    assert words in result.err
    assert not (tmp_path / "y.npz").exists()


def test_an_output_that_cannot_be_written(edgeq: Command, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RUNS[0])
    result = edgeq("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path / "no" / "y.npz")
    assert result.code == 2
    assert str(tmp_path / "no" / "y.npz") in result.err
    assert not (tmp_path / "no").exists()
