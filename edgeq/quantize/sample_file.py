"""Calibration samples in a file, read one at a time however large it is."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.types import Shape, elements

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """An array in a file, as a sequence of what lies along its first axis.

    ``name`` is that in an ``.npz``, ``None`` for an ``.npy``; ``shape`` is that of one row.
    """

    path: Path
    name: str | None
    shape: Shape
    dtype: np.dtype
    count: int

    @staticmethod
    def of(path: Path, name: str | None) -> Column:
        """Return an array of a file; raise ``ModelError`` where there is none."""
        with ExitStack() as stack:
            _, shape, dtype = _open(path, name, stack)
        if not shape:
            raise ModelError(f"'{name}' is a single number" if name else "is a single number")
        return Column(path, name, shape[1:], dtype, shape[0])

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[np.ndarray]:
        size = elements(self.shape) * self.dtype.itemsize
        with ExitStack() as stack:
            stream = _open(self.path, self.name, stack)[0]
            for index in range(self.count):
                data = _read(stream, size)
                if len(data) != size:
                    raise ModelError(f"the file ends within sample {index}", where=str(self.path))
                yield np.frombuffer(data, self.dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class SampleFile:
    """Samples of ``input0``, ``input1``, ... in an ``.npz``, or of a single input in an ``.npy``.

    Each array has a leading sample axis before the input's shape; where that begins with 1, it
    may stand in its place. Numbers of any type become float32.
    """

    columns: tuple[Column, ...]
    shapes: tuple[Shape, ...]
    count: int

    @staticmethod
    def of(
        path: Path, graph: Graph, limit: int | None = None, names: Sequence[str] | None = None
    ) -> SampleFile:
        """Return the samples for the inputs of ``graph``, at most ``limit``.

        ``names`` are those of the arrays where they are not ``input0``, ... Raise ``ModelError``
        that names the file when it does not fit.
        """
        shapes = tuple(graph.tensors[name].shape for name in graph.inputs)
        keys = names or [f"input{index}" for index in range(len(shapes))]
        try:
            columns = tuple(map(Column.of, [path] * len(keys), _members(path, keys)))
            for key, column, shape in zip(keys, columns, shapes, strict=True):
                _check(key, column, shape)
            counts = [len(column) for column in columns]
            if len(set(counts)) != 1:
                raise ModelError(f"the arrays differ in their number of samples: {counts}")
        except EdgeqError as error:
            raise error.at(str(path)) from None
        return SampleFile(columns, shapes, counts[0] if limit is None else min(limit, counts[0]))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Arrays]:
        rows = zip(*self.columns, strict=True)
        for _, arrays in zip(range(self.count), rows, strict=False):
            yield tuple(
                row.astype(np.float32).reshape(shape)
                for row, shape in zip(arrays, self.shapes, strict=True)
            )


def array_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in an ``.npz``; none for an ``.npy``."""
    if path.suffix.lower() != ".npz":
        return ()
    with _reading(), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return tuple(name.removesuffix(".npy") for name in names if name.endswith(".npy"))


def _members(path: Path, keys: Sequence[str]) -> list[str | None]:
    """Return how each key is found in a file; raise ``ModelError`` for one that is missing."""
    if path.suffix.lower() != ".npz":
        if len(keys) != 1:
            raise ModelError("holds one array", hint="an .npz with input0, input1, ...")
        return [None]
    there = array_names(path)
    for key in keys:
        if key not in there:
            listing = ", ".join(sorted(there)[:8]) or "nothing"
            raise ModelError(f"no array '{key}'", hint=f"the file holds {listing}")
    return list(keys)


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what NumPy and zipfile raise into errors of the file."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, SyntaxError, RuntimeError, EOFError) as error:
        raise ModelError(f"is no array file: {error}", hint="numpy.savez writes it") from None


def _open(
    path: Path, name: str | None, stack: ExitStack
) -> tuple[IO[bytes], tuple[int, ...], np.dtype]:
    """Return a stream at an array's first element, the array's shape and its type."""
    with _reading():
        if name is None:
            return _header(stack.enter_context(path.open("rb")))
        archive = stack.enter_context(zipfile.ZipFile(path))
        return _header(stack.enter_context(archive.open(f"{name}.npy")))


def _header(stream: IO[bytes]) -> tuple[IO[bytes], tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.kind not in "fiu":
        raise ModelError(f"holds {dtype}, no real numbers")
    if fortran and len(shape) > 1:
        raise ModelError("columns before rows", hint="save numpy.ascontiguousarray of it")
    return stream, shape, dtype


def _check(key: str, column: Column, shape: Shape) -> None:
    """Raise ``ModelError`` unless the rows of an array are ``shape``, and there are some."""
    if not fits(column.shape, shape):
        expected = ("N", *shape)
        raise ModelError(
            f"'{key}' has shape {[column.count, *column.shape]}, "
            f"expected [{', '.join(map(str, expected))}]",
            hint="the first axis counts samples",
        )
    if not len(column):
        raise ModelError(f"'{key}' holds no samples")


def fits(row: Shape, shape: Shape) -> bool:
    """Tell whether a row of an array is an input of ``shape``, but for a leading 1."""
    return row == shape or (shape[:1] == (1,) and row == shape[1:])


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise ModelError(f"cannot be read: {error}") from None
