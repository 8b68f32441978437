"""Calibration samples in a file, read one at a time however large it is."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.types import Shape, elements

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SampleFile:
    """Samples of ``input0``, ``input1``, ... in an ``.npz``, or of a single input in an ``.npy``.

    Each array has a leading sample axis before the input's shape; where that begins with 1, it
    may stand in its place. Numbers of any type become float32.
    """

    path: Path
    shapes: tuple[Shape, ...]
    count: int

    @staticmethod
    def of(path: Path, graph: Graph, limit: int | None = None) -> SampleFile:
        """Return the samples for the inputs of ``graph``, at most ``limit``.

        Raise ``ModelError`` that names the file when it does not fit.
        """
        shapes = tuple(graph.tensors[name].shape for name in graph.inputs)
        try:
            with ExitStack() as stack:
                streams = _streams(path, len(shapes), stack)
                counts = [
                    _count(f"input{index}", header, shape)
                    for index, ((_, *header), shape) in enumerate(zip(streams, shapes, strict=True))
                ]
            if len(set(counts)) != 1:
                raise ModelError(f"the arrays differ in their number of samples: {counts}")
        except EdgeqError as error:
            raise error.at(str(path)) from None
        return SampleFile(path, shapes, counts[0] if limit is None else min(limit, counts[0]))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Arrays]:
        with ExitStack() as stack:
            streams = _streams(self.path, len(self.shapes), stack)
            for index in range(self.count):
                yield tuple(
                    self._row(stream, dtype, shape, index)
                    for (stream, _, dtype), shape in zip(streams, self.shapes, strict=True)
                )

    def _row(self, stream: IO[bytes], dtype: np.dtype, shape: Shape, index: int) -> np.ndarray:
        size = elements(shape) * dtype.itemsize
        data = _read(stream, size)
        if len(data) != size:
            raise ModelError(f"the file ends within sample {index}", where=str(self.path))
        return np.frombuffer(data, dtype).astype(np.float32).reshape(shape)


_Stream = tuple[IO[bytes], tuple[int, ...], np.dtype]


def _streams(path: Path, inputs: int, stack: ExitStack) -> list[_Stream]:
    """Return for each input a stream at the array's first element, its shape and its type."""
    try:
        if path.suffix.lower() != ".npz":
            return [_header(stack.enter_context(path.open("rb")))] if inputs == 1 else _no_npz()
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = set(archive.namelist())
        found = []
        for index in range(inputs):
            name = f"input{index}.npy"
            if name not in members:
                listing = ", ".join(sorted(members)[:8]) or "nothing"
                raise ModelError(f"no array 'input{index}'", hint=f"the file holds {listing}")
            found.append(_header(stack.enter_context(archive.open(name))))
        return found
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, SyntaxError, RuntimeError) as error:
        raise ModelError(f"is no array file: {error}", hint="numpy.savez writes it") from None


def _no_npz() -> list[_Stream]:
    raise ModelError("holds one array", hint="an .npz with input0, input1, ...")


def _header(stream: IO[bytes]) -> _Stream:
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


def _count(key: str, header: list[object], shape: Shape) -> int:
    """Return how many samples an array of this header holds; the rest must be ``shape``."""
    found: tuple[int, ...] = header[0]  # type: ignore[assignment]
    fits = found[1:] == shape or (shape[:1] == (1,) and found[1:] == shape[1:])
    if not found or not fits:
        expected = ("N", *shape)
        raise ModelError(
            f"'{key}' has shape {list(found)}, expected [{', '.join(map(str, expected))}]",
            hint="the first axis counts samples",
        )
    if found[0] == 0:
        raise ModelError(f"'{key}' holds no samples")
    return found[0]


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except (OSError, EOFError, zipfile.BadZipFile, ValueError) as error:
        raise ModelError(f"cannot be read: {error}") from None
