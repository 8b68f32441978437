"""Arrays in files: runs, shapes, types, and what is wrong with those that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.samples import has_inputs, load_inputs, load_outputs, read_inputs, save_outputs
from tests.small_networks import float_network, network, pair

P = np.int8([[1, 2, 3, 4]])
SCALAR = Graph("scalar", {"s": Tensor("s", (), DType.INT32)}, (), ("s",), ("s",))


def saved(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_one_run(tmp_path: Path) -> None:
    samples = read_inputs(saved(tmp_path / "x.npz", input0=P, input1=2 * P, other=P), pair())
    assert not samples.stacked
    [(first, second)] = samples.runs
    np.testing.assert_array_equal(first, P)
    np.testing.assert_array_equal(second, 2 * P)


def test_a_sequence_of_runs(tmp_path: Path) -> None:
    stack = np.stack([P, 2 * P, 3 * P])
    samples = read_inputs(saved(tmp_path / "x.npz", input0=stack, input1=stack), pair())
    assert samples.stacked
    assert [run[1].tolist() for run in samples.runs] == stack.tolist()


@pytest.mark.parametrize("shape", [(), (3,), (1,)])
def test_scalars(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.full(shape, 7, np.int32))
    samples = read_inputs(tmp_path / "x.npy", SCALAR)
    assert samples.stacked == bool(shape)
    assert [(run[0].shape, int(run[0])) for run in samples.runs] == [((), 7)] * max(1, *shape, 0)


def test_either_byte_order_is_the_same_values(tmp_path: Path) -> None:
    values = np.array([1, -2], ">i4")
    np.save(tmp_path / "x.npy", values)
    runs = load_inputs(tmp_path / "x.npy", SCALAR)
    assert [int(run[0]) for run in runs] == [1, -2]
    assert runs[0][0].dtype == np.int32


def test_column_major_arrays_are_the_same_values(tmp_path: Path) -> None:
    x = np.asfortranarray(np.arange(108, dtype=np.int8).reshape(1, 6, 6, 3))
    np.save(tmp_path / "x.npy", x)
    [(array,)] = load_inputs(tmp_path / "x.npy", network())
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, x)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"input0": P}, "no array 'input1' for 'q'"),
        ({"input0": P, "input1": P.astype(np.uint8)}, "'input1' is uint8[1, 4]"),
        ({"input0": P, "input1": P[:, :3]}, "but 'q' is int8[1, 4]"),
        ({"input0": P[None, None], "input1": P}, "'input0' is int8[1, 1, 1, 4]"),
        ({"input0": P[None], "input1": P}, "input0 1, input1 one"),
        ({"input0": np.stack([P] * 3), "input1": np.stack([P] * 2)}, "input0 3, input1 2"),
        ({"input0": P[None][:0], "input1": P}, "'input0' holds no runs"),
        ({"input0": np.array(["text"]), "input1": P}, "'input0' is <U4[1]"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    path = saved(tmp_path / "x.npz", **arrays)
    with pytest.raises(ModelError) as caught:
        load_inputs(path, pair())
    assert caught.value.where == str(path)
    assert words in caught.value.what


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_reals_are_finite(tmp_path: Path, value: float) -> None:
    np.save(tmp_path / "x.npy", np.float32([[0, value, 1]]))
    with pytest.raises(ModelError, match="'input0' holds NaN or infinity"):
        load_inputs(tmp_path / "x.npy", float_network())


def test_a_single_array_is_no_answer_for_two_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", P)
    with pytest.raises(ModelError, match="no array 'input1'"):
        load_inputs(tmp_path / "x.npy", pair())
    with pytest.raises(ModelError, match="holds one array"):
        load_outputs(tmp_path / "x.npy", pair())
    assert not has_inputs(tmp_path / "x.npy")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"text"])
def test_files_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is no array file"):
        load_inputs(path, pair())


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ModelError, match="is no array file"):
        load_inputs(tmp_path / "x.npy", network())


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.npy", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            load_inputs(path, network())


@pytest.mark.parametrize("stacked", [False, True])
def test_outputs_are_read_as_they_were_written(tmp_path: Path, stacked: bool) -> None:
    count = 3 if stacked else 1
    runs = [(np.int8([[run, 1, 2]]), np.int8([[run, 4, 5, 6]])) for run in range(count)]
    path = tmp_path / "y.npz"
    save_outputs(path, runs, stacked=stacked)
    first = path.read_bytes()
    read = load_outputs(path, pair())
    assert [[a.tolist() for a in run] for run in read] == [[a.tolist() for a in r] for r in runs]
    assert not has_inputs(path)
    save_outputs(path, runs, stacked=stacked)
    assert path.read_bytes() == first


def test_outputs_for_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EdgeqError, match="cannot be written"):
        save_outputs(tmp_path / "no" / "y.npz", [(P,)], stacked=False)
