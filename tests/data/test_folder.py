"""Which pictures a folder holds, in which order, and what labels them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.folder import find
from edgeq.errors import EdgeqError, ModelError


def picture(path: Path) -> Path:
    """Write a small picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(path)
    return path


def filled(root: Path, *names: str) -> Path:
    """Return a folder with pictures of these names."""
    for name in names:
        picture(root / name)
    return root


def test_class_folders_are_sorted(tmp_path: Path) -> None:
    root = filled(tmp_path, "dog/2.png", "cat/b.JPG", "cat/deep/a.bmp", "dog/1.png", ".x/3.png")
    (root / "cat" / "readme.txt").write_text("no picture")
    found = find(root)
    names = [path.relative_to(root).as_posix() for path in found.paths]
    assert names == ["cat/b.JPG", "cat/deep/a.bmp", "dog/1.png", "dog/2.png"]
    assert found.labels == (0, 0, 1, 1)


def test_folders_named_by_numbers_are_these_classes(tmp_path: Path) -> None:
    assert find(filled(tmp_path, "10/a.png", "2/a.png", "007/a.png")).labels == (7, 10, 2)


def test_a_file_of_classes_gives_numbers_to_names(tmp_path: Path) -> None:
    root = filled(tmp_path / "data", "cat/a.png", "dog/a.png")
    classes = tmp_path / "classes.txt"
    classes.write_text("background\ndog\ncat\n")
    assert find(root, classes=classes).labels == (2, 1)
    classes.write_text("dog\n")
    with pytest.raises(ModelError, match=r"classes.txt: no class 'cat'"):
        find(root, classes=classes)
    with pytest.raises(EdgeqError, match="no class folders"):
        find(root / "cat", classes=classes)


def test_a_file_of_labels(tmp_path: Path) -> None:
    root = filled(tmp_path / "data", "x/a.png", "b c.png")
    labels = tmp_path / "labels.csv"
    for text in ("x/a.png,3\nb c.png,4\n", "a 3\n\nb c\t4\n", '"x/a.png" , 3\n"b c.png" 4\n'):
        labels.write_text(text)
        assert find(root, labels).labels == (4, 3)
    classes = tmp_path / "classes.txt"
    classes.write_text("dog\ncat\n")
    labels.write_text("a cat\nb c,1\n")
    assert find(root, labels, classes).labels == (1, 1)
    for text, what in (
        ("a 3\n", "no label for picture 'b c.png'"),
        ("a\n", "line 1: 'a'"),
        ("a bird\nb c 1", "label 'bird' of 'x/a.png' is no whole number"),
        ("a -1\nb c 1", "label '-1'"),
    ):
        labels.write_text(text)
        with pytest.raises(ModelError, match=what):
            find(root, labels)
    labels.write_text("a bird\nb c 1")
    with pytest.raises(ModelError, match="not among --classes"):
        find(root, labels, classes)
    labels.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ModelError, match="is no text"):
        find(root, labels)
    with pytest.raises(ModelError, match="none: cannot be read"):
        find(root, tmp_path / "none")


def test_a_folder_of_masks(tmp_path: Path) -> None:
    root = filled(tmp_path / "data", "x/a.jpg", "b.jpg")
    masks = filled(tmp_path / "masks", "x/a.png", "b.png", "more.png")
    assert find(root, masks).labels == (masks / "b.png", masks / "x" / "a.png")
    with pytest.raises(EdgeqError, match="--classes with masks"):
        find(root, masks, tmp_path / "classes")
    picture(masks / "b.bmp")
    with pytest.raises(ModelError, match=r"several masks for picture 'b\.jpg'"):
        find(root, masks)
    (masks / "x" / "a.png").unlink()
    (masks / "b.bmp").unlink()
    with pytest.raises(ModelError, match=r"no mask for picture 'x/a\.jpg'"):
        find(root, masks)


def test_single_files_and_loose_pictures_have_no_labels(tmp_path: Path) -> None:
    root = filled(tmp_path, "b.png", "a.png")
    assert find(root).labels is None
    assert find(root / "a.png").paths == (root / "a.png",)
    picture(root / "cat" / "a.png")
    with pytest.raises(ModelError, match=r"'a\.png' is in no class folder, others are"):
        find(root)


def test_a_limit_spreads_over_all_classes(tmp_path: Path) -> None:
    root = filled(tmp_path, *(f"{c}/{i}.png" for c in "abc" for i in range(4)))
    few = find(root).spread(6)
    assert few.labels == (0, 0, 1, 1, 2, 2)
    assert len(few.paths) == 6
    assert find(root).spread(100) == find(root).spread(None)


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no pictures"):
        find(tmp_path)
    with pytest.raises(ModelError, match="no such file or folder"):
        find(tmp_path / "none")
