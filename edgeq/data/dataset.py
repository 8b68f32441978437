"""Samples for calibration and evaluation: a folder of pictures, a picture, or arrays in a file.

data = edgeq.open_data("pictures/", graph, Preprocessing(resize=(224, 224)))
integer = edgeq.quantize.quantize(graph, data.inputs)
for inputs, target in data: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from edgeq.data import folder
from edgeq.data.pictures import Shaper, pillow
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph
from edgeq.quantize.sample_file import Arrays, Column, SampleFile, array_names, fits

Some = TypeVar("Some", covariant=True)

ARRAY_SUFFIXES = (".npz", ".npy")
# What arrays are called where the user does not say it.
INPUT_NAMES = ("x", "images")
TARGET_NAMES = ("y", "labels")
PLAIN = Preprocessing()


@dataclass(frozen=True, slots=True)
class Lazy(Generic[Some]):
    """Items that are made one at a time, each time they are iterated."""

    items: Callable[[], Iterable[Some]]
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Some]:
        for _, item in zip(range(self.count), self.items(), strict=False):
            yield item


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples and what each should give.

    ``inputs`` are tuples of float32 arrays, one per input of the network and of exactly its shape,
    in real numbers whatever codes a network takes. ``targets`` are classes (scalars), masks of
    classes [H, W] or arrays; ``None`` where there are none. Iterating yields pairs of the two, the
    target then ``None``. Nothing is kept in memory.
    """

    inputs: Lazy[Arrays]
    targets: Lazy[np.ndarray] | None

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[tuple[Arrays, np.ndarray | None]]:
        if self.targets is None:
            for inputs in self.inputs:
                yield inputs, None
        else:
            yield from zip(self.inputs, self.targets, strict=True)


def open_data(
    path: str | Path,
    graph: Graph,
    how: Preprocessing = PLAIN,
    *,
    labels: str | Path | None = None,
    classes: str | Path | None = None,
    arrays: tuple[str, ...] = (),
    limit: int | None = None,
    labelled: bool = True,
) -> Dataset:
    """Return the samples at ``path`` for the inputs of ``graph``, at most ``limit``.

    A folder or picture: see ``edgeq.data.folder.find`` for ``labels`` and ``classes``; ``limit``
    spreads over all. An ``.npz`` holds ``input0``, ... (or ``x`` or ``images``) and perhaps ``y``
    (or ``labels``), whose first axis counts samples; ``arrays`` names others, inputs first;
    ``labels`` may then be an ``.npy``, and ``limit`` takes the first. Arrays of bytes [N, H, W] or
    [N, H, W, C] are pictures where ``how`` says what to do with them, or where their shape is not
    the input's. Labels are not looked for unless ``labelled``. Raise ``EdgeqError`` that names the
    file for data that does not fit, and for wishes that contradict each other.
    """
    source = Path(path)
    label_file, class_file = (None if each is None else Path(each) for each in (labels, classes))
    if source.suffix.lower() in ARRAY_SUFFIXES and not source.is_dir():
        if class_file is not None:
            raise EdgeqError("--classes with arrays", hint="labels are numbers already")
        return _arrays(source, graph, how, label_file, arrays, limit, labelled)
    if arrays:
        raise EdgeqError("--arrays with pictures", hint="it names arrays of an .npz")
    found = folder.Pictures(folder.files(source), None)
    if labelled:
        found = folder.find(source, label_file, class_file)
    return _pictures(source, graph, how, found.spread(limit))


def _pictures(source: Path, graph: Graph, how: Preprocessing, found: folder.Pictures) -> Dataset:
    try:
        pillow()
        shaper = _shaper(graph, how)
    except EdgeqError as error:
        raise error.at(str(source)) from None
    count = len(found.paths)
    inputs: Lazy[Arrays] = Lazy(lambda: ((shaper.file(path),) for path in found.paths), count)
    labels = found.labels
    if labels is None:
        return Dataset(inputs, None)

    def targets() -> Iterator[np.ndarray]:
        for label in labels:
            yield np.asarray(label, np.int64) if isinstance(label, int) else shaper.mask(label)

    return Dataset(inputs, Lazy(targets, count))


def _shaper(graph: Graph, how: Preprocessing) -> Shaper:
    if len(graph.inputs) != 1:
        raise ModelError(
            f"pictures for a network of {len(graph.inputs)} inputs",
            hint="an .npz with input0, input1, ...",
        )
    return Shaper.of(graph.tensors[graph.inputs[0]], how)


def _arrays(
    path: Path,
    graph: Graph,
    how: Preprocessing,
    labels: Path | None,
    names: tuple[str, ...],
    limit: int | None,
    labelled: bool,
) -> Dataset:
    try:
        keys, target = _keys(array_names(path), len(graph.inputs), names)
        inputs = _images(path, keys, graph, how)
        column = _target(path, target, labels) if labelled else None
    except EdgeqError as error:
        raise error if error.where.startswith(str(path)) else error.at(str(path)) from None
    if inputs is None:
        samples = SampleFile.of(path, graph, None, keys)
        inputs = Lazy(lambda: samples, len(samples))
    if column is not None and len(column) != len(inputs):
        raise ModelError(f"{len(column)} labels for {len(inputs)} samples", where=str(path))
    count = len(inputs) if limit is None else min(limit, len(inputs))
    targets = None if column is None else Lazy(lambda: column, count)
    return Dataset(Lazy(inputs.items, count), targets)


def _keys(
    there: tuple[str, ...], inputs: int, names: tuple[str, ...]
) -> tuple[list[str] | None, str | None]:
    """Return the names of the arrays of inputs (``None``: the usual ones) and of the labels."""
    if names:
        if not there or len(names) not in (inputs, inputs + 1):
            what = f"{inputs} inputs" if inputs > 1 else "the input"
            raise EdgeqError(
                f"--arrays {','.join(names)}", hint=f"names in an .npz, of {what} and the labels"
            )
        missing = [name for name in names if name not in there]
        if missing:
            raise ModelError(f"no array '{missing[0]}'", hint=f"the file holds {', '.join(there)}")
        return list(names[:inputs]), names[inputs] if len(names) > inputs else None
    target = next((name for name in TARGET_NAMES if name in there), None)
    usual = [name for name in INPUT_NAMES if name in there]
    keys = usual[:1] if inputs == 1 and usual and "input0" not in there else None
    return keys, target


def _images(
    path: Path, keys: list[str] | None, graph: Graph, how: Preprocessing
) -> Lazy[Arrays] | None:
    """Return pictures of bytes as samples; ``None`` where the array is numbers as they are."""
    there = array_names(path)
    name = (keys or ["input0"])[0] if path.suffix.lower() == ".npz" else None
    if name is not None and name not in there:
        return None
    column = Column.of(path, name)
    row = column.shape
    shape = graph.tensors[graph.inputs[0]].shape
    is_image = column.dtype == np.uint8 and (len(row) == 2 or (len(row) == 3 and row[-1] in (1, 3)))
    if not is_image:
        if how.given:
            raise EdgeqError(
                f"{', '.join(how.given)} with arrays of {column.dtype}{['N', *row]}",
                hint="pictures are uint8, [N, H, W] or [N, H, W, C]",
            )
        return None
    if not how.given and fits(row, shape):
        return None
    if not len(column):
        raise ModelError(f"'{name}' holds no samples" if name else "holds no samples")
    shaper = _shaper(graph, how)

    def items() -> Iterator[Arrays]:
        for index, pixels in enumerate(column):
            try:
                yield (shaper.array(pixels),)
            except EdgeqError as error:
                raise error.at(f"{path}: sample {index}") from None

    return Lazy(items, len(column))


def _target(path: Path, name: str | None, labels: Path | None) -> Column | None:
    if labels is None:
        return None if name is None else Column.of(path, name)
    if labels.suffix.lower() != ".npy":
        raise EdgeqError(
            f"--labels {labels} with arrays", hint="labels are the array y beside x, or an .npy"
        )
    if name is not None:
        raise EdgeqError(f"--labels {labels}, but the file holds '{name}'", hint="leave one out")
    return Column.of(labels, None)
