"""Data of every kind is read one sample at a time, as often as wanted."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgeq
from edgeq.data.dataset import Dataset, open_data
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph
from edgeq.ops.relu import Relu
from tests.quantize.float_nets import dense, graph_of, joined, real

ONE = dense(np.ones((2, 3)))
TWO = joined()
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)


def picture_net(*shape: int) -> Graph:
    """Return a network of one picture."""
    op = Relu(inputs=("x",), outputs=("y",), source="relu")
    return graph_of([op], [real("x", *shape), real("y", *shape)], "x", "y")


NET = picture_net(1, 4, 4, 3)


def folder(root: Path) -> Path:
    """Return class folders with the pictures of ``PIXELS``."""
    for index, pixels in enumerate(PIXELS):
        path = root / ("even", "odd")[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(pixels).save(path)
    return root


def arrays(data: Dataset) -> np.ndarray:
    """Return all samples of a network of one input."""
    return np.stack([x for (x,) in data.inputs])


def test_a_folder_twice(tmp_path: Path) -> None:
    data = edgeq.open_data(folder(tmp_path / "d"), NET, Preprocessing(scale=(0, 1)))
    assert len(data) == len(data.inputs) == 5
    order = [0, 2, 4, 1, 3]
    for _ in range(2):
        found = list(data)
        assert [int(np.asarray(target)) for _, target in found] == [0, 0, 0, 1, 1]
        for ((x,), _), index in zip(found, order, strict=True):
            np.testing.assert_array_equal(x[0], (PIXELS[index] / 255).astype(np.float32))
    few = open_data(tmp_path / "d", NET, limit=2)
    assert [len(few), [int(np.asarray(t)) for _, t in few]] == [2, [0, 0]]


def test_labels_are_not_looked_for_where_nobody_wants_them(tmp_path: Path) -> None:
    root = folder(tmp_path / "d")
    Image.fromarray(PIXELS[0]).save(root / "loose.png")
    with pytest.raises(ModelError, match="is in no class folder"):
        open_data(root, NET)
    data = open_data(root, NET, labelled=False)
    assert (len(data), data.targets) == (6, None)
    np.savez(tmp_path / "d.npz", x=np.ones((2, 3)), y=np.ones(7))
    assert open_data(tmp_path / "d.npz", ONE, labelled=False).targets is None


def test_a_single_picture_has_no_target(tmp_path: Path) -> None:
    path = folder(tmp_path) / "odd" / "3.png"
    ((inputs, target),) = open_data(path, NET)
    np.testing.assert_array_equal(inputs[0][0], PIXELS[3])
    assert target is None


def test_masks_are_targets(tmp_path: Path) -> None:
    root = folder(tmp_path / "d")
    for index, path in enumerate(sorted(root.rglob("*.png"))):
        mask = tmp_path / "masks" / path.relative_to(root)
        mask.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.full((4, 4), index, np.uint8)).save(mask)
    data = open_data(root, NET, labels=tmp_path / "masks")
    found = [target for _, target in data if target is not None]
    assert [mask.shape for mask in found] == 5 * [(4, 4)]
    assert [mask.max() for mask in found] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_with_labels(tmp_path: Path, save: object) -> None:
    x, y = np.arange(12.0).reshape(4, 3), np.array([3, 1, 0, 2])
    for names in (("x", "y"), ("images", "labels"), ("input0", "y")):
        save(tmp_path / "d.npz", **dict(zip(names, (x, y), strict=True)))  # type: ignore[operator]
        found = list(open_data(tmp_path / "d.npz", ONE))
        assert [int(np.asarray(target)) for _, target in found] == [3, 1, 0, 2]
        np.testing.assert_array_equal([inputs[0][0] for inputs, _ in found], x)
    save(tmp_path / "d.npz", x=y, a=x, b=y)  # type: ignore[operator]
    data = open_data(tmp_path / "d.npz", ONE, arrays=("a", "b"), limit=2)
    assert [int(np.asarray(target)) for _, target in data] == [3, 1]
    assert open_data(tmp_path / "d.npz", ONE, arrays=("a",)).targets is None


def test_labels_in_a_file_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 3)))
    np.save(tmp_path / "y.npy", np.array([1, 0]))
    data = open_data(tmp_path / "x.npy", ONE, labels=tmp_path / "y.npy")
    assert [int(np.asarray(target)) for _, target in data] == [1, 0]
    assert open_data(tmp_path / "x.npy", ONE).targets is None


def test_several_inputs(tmp_path: Path) -> None:
    x = np.ones((2, 1, 4))
    np.savez(tmp_path / "d.npz", input0=x, input1=2 * x, y=np.zeros((2, 7)))
    for (first, second), target in open_data(tmp_path / "d.npz", TWO):
        assert (first.max(), second.max()) == (1, 2)
        assert target is not None
        assert target.shape == (7,)


def test_arrays_of_bytes_are_pictures_where_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=PIXELS, y=np.arange(5))
    np.testing.assert_array_equal(arrays(open_data(path, NET))[:, 0], PIXELS)
    first = arrays(open_data(path, picture_net(1, 3, 4, 4)))
    np.testing.assert_array_equal(first[:, 0], np.moveaxis(PIXELS, 3, 1))
    scaled = arrays(open_data(path, NET, Preprocessing(scale=(-1, 1)), limit=3))
    np.testing.assert_array_equal(scaled[:, 0], (PIXELS[:3] * 2.0 / 255 - 1).astype(np.float32))
    small = open_data(path, picture_net(1, 2, 2, 1), Preprocessing(resize=(2, 2)))
    assert arrays(small).shape == (5, 1, 2, 2, 1)
    with pytest.raises(ModelError, match=r"d\.npz: sample 0: a picture of 4x4 for an input of 2x2"):
        arrays(open_data(path, picture_net(1, 2, 2, 1)))


def test_memory_holds_one_sample_at_a_time(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((400, 64, 64, 3), np.uint8), y=np.zeros(400, int))
    data = open_data(tmp_path / "d.npz", picture_net(1, 64, 64, 3), Preprocessing(scale=(0, 1)))
    tracemalloc.start()
    count = sum(1 for _ in data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 400
    assert peak < 2 << 20  # all samples are 19 MB as float32


def test_wishes_that_contradict_the_data_are_refused(tmp_path: Path) -> None:
    path, root = tmp_path / "d.npz", folder(tmp_path / "pictures")
    np.savez(path, x=np.ones((2, 3)), y=np.ones(3, int), c=np.ones(2, complex), n=np.ones(()))
    for given, what in (
        ({}, "d.npz: 3 labels for 2 samples"),
        ({"how": Preprocessing(scale=(0, 1))}, r"--scale with arrays of float64\['N', 3\]"),
        ({"arrays": ("x", "z")}, "no array 'z'.*the file holds x, y"),
        ({"arrays": ("x", "y", "c")}, "--arrays x,y,c"),
        ({"arrays": ("c",)}, "complex128, no real numbers"),
        ({"arrays": ("n",)}, "'n' is a single number"),
        ({"labels": "y.txt"}, "--labels y.txt with arrays"),
        ({"labels": path.with_name("y.npy")}, "the file holds 'y'"),
        ({"classes": "c.txt"}, "--classes with arrays"),
    ):
        with pytest.raises(EdgeqError, match=what):
            open_data(path, ONE, **given)  # type: ignore[arg-type]
    for graph, given, what in (
        (NET, {"arrays": ("x",)}, "--arrays with pictures"),
        (ONE, {}, r"an input of shape \[1, 3\] is no picture"),
        (TWO, {}, "pictures for a network of 2 inputs"),
        (NET, {"how": Preprocessing(color="gray")}, "--color gray"),
    ):
        with pytest.raises(EdgeqError, match=what):
            open_data(root, graph, **given)  # type: ignore[arg-type]


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    with pytest.raises(ModelError, match=r"d\.npz: cannot be read"):
        open_data(path, ONE)
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"d\.npz: is no array file"):
        open_data(path, ONE)
    np.savez(path, x=np.zeros((0, 9, 9, 3), np.uint8))
    with pytest.raises(ModelError, match="'x' holds no samples"):
        open_data(path, NET, Preprocessing(resize=(4, 4)))
    np.savez(path, x=np.ones((2, 4)))
    with pytest.raises(ModelError, match=r"\[2, 4\], expected \[N, 1, 3\]"):
        open_data(path, ONE)
