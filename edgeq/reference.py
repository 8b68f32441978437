"""Run a graph in NumPy: the definition that every generated program must equal, bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph, Tensor


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the outputs of one run; ``inputs`` have exactly the shapes and types of the graph.

    What the graph remembers between runs has its initial value.
    """
    tensors = run_tensors(graph, inputs)
    return tuple(tensors[name] for name in graph.outputs)


def run_sequence(
    graph: Graph, runs: Iterable[Sequence[np.ndarray]]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the tensors of runs one after the other: the first begins with the initial states."""
    states = None
    for inputs in runs:
        tensors = run_tensors(graph, inputs, states)
        states = {state.name: tensors[state.next] for state in graph.states}
        yield tensors


def run_tensors(
    graph: Graph, inputs: Sequence[np.ndarray], states: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return every tensor that a run reads or computes, by name.

    Operations compute in integers once lowered, and in float32 in a float graph. ``states`` are
    what the run before has left, by name; without them states have their initial values.
    """
    check_inputs(graph, inputs)
    values: dict[str, np.ndarray] = {
        name: tensor.array for name, tensor in graph.tensors.items() if tensor.is_constant
    }
    values.update(zip(graph.inputs, inputs, strict=True))
    for state in graph.states:
        values[state.name] = state.initial if states is None else states[state.name]
    is_float = graph.is_float
    for op, io in graph.walk():
        arrays = [values[name] for name in op.inputs]
        results = op.evaluate_float(io, arrays) if is_float else op.evaluate(io, arrays)
        values.update(zip(op.outputs, results, strict=True))
    return values


def check_inputs(graph: Graph, inputs: Sequence[np.ndarray]) -> None:
    """Raise ``ModelError`` unless there is one array of the right shape and type per input."""
    if len(inputs) != len(graph.inputs):
        raise ModelError(f"{len(inputs)} inputs given, the model has {len(graph.inputs)}")
    for index, (name, array) in enumerate(zip(graph.inputs, inputs, strict=True)):
        check_input(index, graph.tensors[name], array)


def check_input(index: int, tensor: Tensor, array: np.ndarray) -> None:
    """Raise ``ModelError`` unless ``array`` fits input ``index``."""
    if array.shape != tensor.shape or array.dtype != tensor.dtype.numpy:
        raise ModelError(
            f"input {index} ('{tensor.name}') is {array.dtype} {array.shape}, "
            f"expected {tensor.dtype.value} {tensor.shape}"
        )
    if tensor.dtype.is_float and not np.isfinite(array).all():
        raise ModelError(f"input {index} ('{tensor.name}') holds NaN or infinity")


def sample_inputs(graph: Graph, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return deterministic inputs that reach the whole code range of each input."""
    rng = np.random.default_rng(seed)
    return tuple(_random(rng, graph, graph.tensors[name]) for name in graph.inputs)


def _random(rng: np.random.Generator, graph: Graph, tensor: Tensor) -> np.ndarray:
    if not tensor.dtype.is_float:
        codes = rng.integers(tensor.dtype.min, tensor.dtype.max + 1, tensor.shape)
        return codes.astype(tensor.dtype.numpy)
    low, high = _real_range(graph, tensor)
    return rng.uniform(low, high, tensor.shape).astype(np.float32)


def _real_range(graph: Graph, tensor: Tensor) -> tuple[float, float]:
    """Return the reals that the first reader of a float input can represent, or -1 to 1."""
    for op, io in graph.walk():
        if tensor.name in op.inputs and io.y.quant is not None and io.y.dtype.is_quantized:
            zero, scale = io.y.zero_point, io.y.scale
            return (io.y.dtype.min - zero) * scale, (io.y.dtype.max - zero) * scale
    return -1.0, 1.0
