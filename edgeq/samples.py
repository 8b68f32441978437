"""Input and output arrays in files: ``.npy``, or ``.npz`` with ``input0``, ``output0``, ..."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Tensor

Arrays = tuple[np.ndarray, ...]


def load_inputs(path: Path, graph: Graph) -> tuple[Arrays, ...]:
    """Return the runs in a file: each holds one array per input of the graph.

    An array of exactly the input's shape is one run; one extra leading axis is a sequence.
    """
    arrays = _read(path)
    if not isinstance(arrays, dict):
        arrays = {"input0": arrays}
    names = [f"input{index}" for index in range(len(graph.inputs))]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ModelError(
            f"no array '{missing[0]}' for input '{graph.inputs[int(missing[0][5:])]}'",
            where=str(path),
            hint="an .npy holds a single input, an .npz has input0, input1, ...",
        )
    tensors = [graph.tensors[name] for name in graph.inputs]
    return _runs(path, [arrays[name] for name in names], tensors)


def load_outputs(path: Path, graph: Graph) -> tuple[Arrays, ...] | None:
    """Return the runs of ``output0``, ... in a file, or ``None`` when it holds no inputs either."""
    arrays = _read(path)
    names = [f"output{index}" for index in range(len(graph.outputs))]
    if not isinstance(arrays, dict) or any(name not in arrays for name in names):
        raise ModelError(f"no arrays {', '.join(names)}", where=str(path))
    tensors = [graph.tensors[name] for name in graph.outputs]
    return _runs(path, [arrays[name] for name in names], tensors)


def has_inputs(path: Path) -> bool:
    """Tell whether a file of goldens also holds the inputs."""
    arrays = _read(path)
    return isinstance(arrays, dict) and "input0" in arrays


def save_outputs(path: Path, runs: Sequence[Arrays], *, stacked: bool) -> None:
    """Write ``output0``, ...; with the runs on a leading axis when ``stacked``."""
    columns = list(zip(*runs, strict=True))
    arrays = {
        f"output{index}": np.stack(column) if stacked else column[0]
        for index, column in enumerate(columns)
    }
    try:
        with path.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(path)) from None


def is_sequence(path: Path, graph: Graph) -> bool:
    """Tell whether the first input in a file has the extra leading axis."""
    arrays = _read(path)
    first = arrays["input0"] if isinstance(arrays, dict) else arrays
    return first.ndim > len(graph.tensors[graph.inputs[0]].shape)


def _read(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(f"cannot be read: {reason}", where=str(path)) from None
    except Exception as error:
        # NumPy and zipfile raise many kinds here; each means that this is no array file.
        raise ModelError(f"is not an array file: {error}", where=str(path)) from None


def _runs(path: Path, arrays: Sequence[np.ndarray], tensors: Sequence[Tensor]) -> tuple[Arrays, ...]:
    stacks = [_stack(path, array, tensor) for array, tensor in zip(arrays, tensors, strict=True)]
    lengths = {len(stack) for stack in stacks}
    if len(lengths) != 1:
        raise ModelError(f"arrays hold {sorted(lengths)} runs", where=str(path))
    return tuple(zip(*stacks, strict=True))


def _stack(path: Path, array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Return the array with a leading axis of runs."""
    if array.dtype != tensor.dtype.numpy or array.shape[-len(tensor.shape) or None :] != tensor.shape:
        fits = False
    else:
        fits = array.ndim - len(tensor.shape) in (0, 1)
    if not fits or array.size == 0:
        raise ModelError(
            f"'{tensor.name}' is {array.dtype} {array.shape}, expected {tensor.dtype.value} "
            f"{tensor.shape}, or one leading axis more",
            where=str(path),
        )
    return array if array.ndim > len(tensor.shape) else array[np.newaxis]
