"""Input and output arrays in files: ``.npy``, or ``.npz`` with ``input0``, ``output0``, ..."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.emit.write import write_file
from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph, Tensor

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Runs, each with one array per port; ``stacked`` tells that they came on a leading axis."""

    runs: tuple[Arrays, ...]
    stacked: bool


def read_inputs(path: Path, graph: Graph) -> Samples:
    """Return the inputs in a file: an ``.npy`` for a single input, or ``input0``, ...

    An array of exactly the input's shape is one run; one extra leading axis is a sequence.
    Raise ``ModelError`` that names the file when something is missing or does not fit.
    """
    arrays = _read(path)
    if isinstance(arrays, np.ndarray):
        arrays = {"input0": arrays}
    samples = _samples(path, arrays, "input", graph, graph.inputs)
    _check_finite(path, graph, samples)
    return samples


def load_inputs(path: Path, graph: Graph) -> tuple[Arrays, ...]:
    """Return the runs in a file of inputs; see ``read_inputs``."""
    return read_inputs(path, graph).runs


def load_outputs(path: Path, graph: Graph) -> tuple[Arrays, ...]:
    """Return the runs of ``output0``, ... in an ``.npz``."""
    arrays = _read(path)
    if isinstance(arrays, np.ndarray):
        raise ModelError("holds one array", where=str(path), hint="an .npz with output0, ...")
    return _samples(path, arrays, "output", graph, graph.outputs).runs


def has_inputs(path: Path) -> bool:
    """Tell whether a file of goldens also holds the inputs."""
    arrays = _read(path)
    return not isinstance(arrays, np.ndarray) and "input0" in arrays


def save_outputs(path: Path, runs: Sequence[Arrays], *, stacked: bool) -> None:
    """Write ``output0``, ... as ``.npz``; with the runs on a leading axis when ``stacked``."""
    columns = list(zip(*runs, strict=True))
    arrays: dict[str, np.ndarray] = {
        f"output{index}": np.stack(column) if stacked else column[0]
        for index, column in enumerate(columns)
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_file(buffer.getvalue(), path)


def _read(path: Path) -> np.ndarray | Mapping[str, np.ndarray]:
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(f"cannot be read: {reason}", where=str(path)) from None
    except Exception as error:
        # NumPy and zipfile raise many kinds here; each means that this is no array file.
        raise ModelError(
            f"is no array file: {error}", where=str(path), hint="numpy.save or numpy.savez write it"
        ) from None


def _samples(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    role: str,
    graph: Graph,
    names: Sequence[str],
) -> Samples:
    """Return the arrays ``<role>0``, ... as runs of the tensors ``names``."""
    try:
        found = [
            _fit(f"{role}{index}", graph.tensors[name], arrays) for index, name in enumerate(names)
        ]
        lengths = {length for _, length in found}
        if len(lengths) != 1:
            counts = ", ".join(
                f"{role}{index} {'one' if length is None else length}"
                for index, (_, length) in enumerate(found)
            )
            raise ModelError(f"the arrays differ in their number of runs: {counts}")
    except EdgeqError as error:
        raise error.at(str(path)) from None
    columns = [array if length is not None else array[np.newaxis] for array, length in found]
    runs = tuple(tuple(column[run, ...] for column in columns) for run in range(len(columns[0])))
    return Samples(runs, stacked=None not in lengths)


def _fit(
    key: str, tensor: Tensor, arrays: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, int | None]:
    """Return the array of one port and how many runs it holds (``None``: no leading axis)."""
    if key not in arrays:
        raise ModelError(
            f"no array '{key}' for '{tensor.name}'",
            hint=f"an .npy holds a single input, an .npz input0, ...; here: {_listing(arrays)}",
        )
    array = arrays[key]
    leading = array.ndim - len(tensor.shape)
    # Either byte order of a type is the same values.
    same_type = array.dtype.newbyteorder("=") == tensor.dtype.numpy
    if not same_type or leading not in (0, 1) or array.shape[leading:] != tensor.shape:
        raise ModelError(
            f"'{key}' is {array.dtype}{list(array.shape)}, but '{tensor.name}' is "
            f"{tensor.dtype.value}{list(tensor.shape)}",
            hint="one more leading axis is a sequence of runs",
        )
    if leading and len(array) == 0:
        raise ModelError(f"'{key}' holds no runs")
    native = np.ascontiguousarray(array, tensor.dtype.numpy).reshape(array.shape)
    return native, len(array) if leading else None


def _check_finite(path: Path, graph: Graph, samples: Samples) -> None:
    for index, name in enumerate(graph.inputs):
        if not graph.tensors[name].dtype.is_float:
            continue
        for run in samples.runs:
            if not np.isfinite(run[index]).all():
                raise ModelError(f"'input{index}' holds NaN or infinity", where=str(path))


def _listing(arrays: Mapping[str, np.ndarray]) -> str:
    shown = sorted(arrays)[:8]
    return ", ".join(shown) + (", ..." if len(arrays) > len(shown) else "") or "none"
