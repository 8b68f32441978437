"""``edgeq verify``: equal bits pass, one different bit fails and is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeq import api, reference
from edgeq.host.compiled import Compiled
from tests.cli.conftest import Command
from tests.models.catalogue import Model
from tests.small_networks import network

LOWERED = api.lower(network())
Run = tuple[np.ndarray, ...]


def golden(path: Path, *, inputs: bool = True, spoil: bool = False) -> np.ndarray:
    """Write three golden runs; return their inputs."""
    x = np.stack([reference.sample_inputs(LOWERED, seed)[0] for seed in range(3)])
    y = np.stack([reference.run(LOWERED, [run])[0] for run in x])
    if spoil:
        y[2, 0, 3] ^= 1
    np.savez(path, output0=y, **({"input0": x} if inputs else {}))
    return x


def test_reference_and_c_are_equal(edgeq: Command, model: Path) -> None:
    result = edgeq("verify", model, "--target", "host", "--target", "portable", "--json")
    assert (result.code, result.err) == (0, "")
    facts = result.json
    assert facts["passed"] is True
    assert [target["target"] for target in facts["targets"]] == ["host", "portable"]
    for target in facts["targets"]:
        assert target["tensors"] == 4
        assert target["values"] == target["runs"] * (3 * 144 + 5)
        assert target["difference"] is None


def test_emulated_code_is_equal_too(edgeq: Command, model: Path) -> None:
    facts = edgeq("verify", model, "-t", "aarch64-i8mm", "-t", "portable", "--json").json
    assert facts["passed"] is True
    first, second = facts["targets"]
    assert (first.pop("target"), second.pop("target")) == ("aarch64-i8mm", "portable")
    assert first == second


def test_goldens_may_hold_the_inputs(edgeq: Command, model: Path, tmp_path: Path) -> None:
    golden(tmp_path / "g.npz")
    result = edgeq("verify", model, "--golden", tmp_path / "g.npz", "--json")
    assert result.code == 0
    [target] = result.json["targets"]
    assert (target["runs"], target["golden_values"]) == (3, 15)


def test_inputs_may_come_apart_from_goldens(edgeq: Command, model: Path, tmp_path: Path) -> None:
    x = golden(tmp_path / "g.npz", inputs=False)
    arguments = ("verify", model, "--golden", tmp_path / "g.npz")
    missing = edgeq(*arguments)
    assert missing.code == 2
    assert "holds no inputs" in missing.err
    np.save(tmp_path / "x.npy", x)
    assert edgeq(*arguments, "--input", tmp_path / "x.npy").code == 0
    np.save(tmp_path / "x.npy", x[:2])
    fewer = edgeq(*arguments, "--input", tmp_path / "x.npy")
    assert fewer.code == 2
    assert "2 inputs for 3 golden runs" in fewer.err


def test_one_different_golden_value_fails(edgeq: Command, model: Path, tmp_path: Path) -> None:
    golden(tmp_path / "g.npz", spoil=True)
    result = edgeq("verify", model, "--golden", tmp_path / "g.npz", "--json")
    assert result.code == 1
    facts = result.json
    assert facts["passed"] is False
    [target] = facts["targets"]
    assert target["differing_golden_values"] == 1
    assert target["difference"]["run"] == 2
    assert target["difference"]["index"] == [0, 3]
    assert "golden and C: output 0, tensor 'y'" in result.err


def test_the_first_layer_that_differs_is_named(
    edgeq: Command, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Compiled.trace

    def spoiled(self: Compiled, runs: Iterable[Run]) -> Iterator[tuple[dict[str, np.ndarray], Run]]:
        for found, outputs in honest(self, runs):
            for name in ("b", "c"):
                found[name][0, 1, 2, 3] ^= 1
            yield found, outputs

    monkeypatch.setattr(Compiled, "trace", spoiled)
    result = edgeq("verify", model)
    assert result.code == 1
    assert "DIFFERENT" in result.out
    assert "layer 1 (l01_" in result.err
    assert "tensor 'b': 1 of 144 values differ, first at [0, 1, 2, 3]" in result.err
    assert edgeq("verify", model, "-q").out == ""


def test_goldens_of_another_model(edgeq: Command, pair: Path, tmp_path: Path) -> None:
    golden(tmp_path / "g.npz")
    result = edgeq("verify", pair, "--golden", tmp_path / "g.npz")
    assert result.code == 2
    assert str(tmp_path / "g.npz") in result.err


def test_another_engine_and_the_first_operation_that_differs(edgeq: Command) -> None:
    model = Model("mlperf_ad01_int8").path
    same = edgeq("verify", model, "--against", "litert-ref", "--json")
    assert same.code == 0
    (found,) = same.json["against"]
    assert (found["target"], found["passed"], found["differing_golden_values"]) == (
        "litert-ref",
        True,
        0,
    )
    other = edgeq("verify", model, "--against", "litert-ref", "--against", "tflm")
    assert other.code == 1
    assert "the reference differs: run 0, tflm and reference: tflite:op[1] FULLY_C" in other.err
    assert "DIFFERENT" in other.out
    assert edgeq("verify", model, "--against", "tflm", "--numerics", "tflm").code == 0


def test_engines_that_are_not_known_or_do_not_read_the_file(edgeq: Command, model: Path) -> None:
    unknown = edgeq("verify", model, "--against", "nobody")
    assert unknown.code == 2
    assert "unknown engine 'nobody'" in unknown.err
    assert "litert-builtin" in unknown.err
    format_ = edgeq("verify", model, "--against", "tflm")
    assert format_.code == 2
    assert "tflm runs .tflite files" in format_.err
