"""Samples in files: read one at a time, and refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.quantize.sample_file import SampleFile
from tests.quantize import float_nets

ONE = float_nets.dense(np.ones((2, 3)))
TWO = float_nets.joined()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_all_inputs_come_together(tmp_path: Path, save: object) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(5, 1, 4)), rng.integers(0, 255, (5, 4), np.uint8)
    save(tmp_path / "x.npz", input0=x, input1=z)  # type: ignore[operator]
    found = SampleFile.of(tmp_path / "x.npz", TWO)
    assert len(found) == 5
    for _ in range(2):
        for index, (first, second) in enumerate(found):
            np.testing.assert_array_equal(first, x[index].astype(np.float32))
            np.testing.assert_array_equal(second, z[index][np.newaxis].astype(np.float32))
            assert first.dtype == second.dtype == np.float32
    assert len(list(SampleFile.of(tmp_path / "x.npz", TWO, 2))) == 2
    assert len(list(SampleFile.of(tmp_path / "x.npz", TWO, 9))) == 5


def test_a_single_input_may_be_an_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6, dtype=">f4").reshape(2, 3))
    assert [x.tolist() for (x,) in SampleFile.of(tmp_path / "x.npy", ONE)] == [
        [[0, 1, 2]],
        [[3, 4, 5]],
    ]


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for arrays, what in (
        ({"input0": np.ones((2, 4)), "input1": np.ones((3, 4))}, "differ in their number"),
        ({"input0": np.ones((2, 4))}, "no array 'input1'.*holds input0"),
        ({"input0": np.ones((2, 5)), "input1": np.ones((2, 4))}, r"\[2, 5\], expected \[N, 1, 4\]"),
        ({"input0": np.asfortranarray(np.ones((2, 4))), "input1": np.ones((2, 4))}, "columns"),
        ({"input0": np.ones(()), "input1": np.ones((2, 4))}, "'input0' is a single number"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(ModelError, match=what):
            SampleFile.of(path, TWO)
    np.save(tmp_path / "x.npy", np.ones((2, 4)))
    with pytest.raises(ModelError, match="holds one array"):
        SampleFile.of(tmp_path / "x.npy", TWO)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        SampleFile.of(path, ONE)
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="is no array file"):
        SampleFile.of(path, ONE)
    np.save(tmp_path / "x.npy", np.ones((4, 3), np.float32))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-3])
    with pytest.raises(ModelError, match="ends within sample 3"):
        list(SampleFile.of(tmp_path / "x.npy", ONE))
