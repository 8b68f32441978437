"""Operators with a state, stepped in LiteRT, in the reference and in C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgeq import api, reference
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from tests.kernel_harness import check_layer
from tests.litert import RESOLVERS
from tests.ops.elementwise_cases import random_codes

Arrays = list[np.ndarray]


def lowered(data: bytes, numerics: str = "tflite-ref") -> Graph:
    """Return the graph of a file, with its arithmetic."""
    return api.lower(read_tflite(data, "m"), numerics)


def random_runs(graph: Graph, count: int, seed: int = 1) -> list[Arrays]:
    """Return the inputs of runs one after the other; some are all of one extreme."""
    rng = np.random.default_rng(seed)
    runs = []
    for run in range(count):
        arrays = [random_codes(rng, graph.tensors[name]) for name in graph.inputs]
        ends = [np.iinfo(array.dtype) for array in arrays]
        low, high = run % 7 == 5, run % 7 == 6
        if low or high:
            arrays = [
                np.full_like(array, end.min if low else end.max)
                for array, end in zip(arrays, ends, strict=True)
            ]
        runs.append(arrays)
    return runs


def in_litert(
    data: bytes, runs: Sequence[Arrays], states: Sequence[str], resolver: str = "ref"
) -> list[tuple[Arrays, Arrays]]:
    """Return outputs and variables after each run."""
    keep = resolver == "ref"
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=RESOLVERS[resolver],
        experimental_preserve_all_tensors=keep,
    )
    interpreter.allocate_tensors()
    places = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    found = []
    for arrays in runs:
        for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        found.append((outputs, [interpreter.get_tensor(places[name]) for name in states]))
    return found


def check_equals_litert(data: bytes, count: int = 20) -> Graph:
    """Fail unless outputs and states equal LiteRT's after each of several runs."""
    graph = lowered(data)
    runs = random_runs(graph, count)
    names = [state.name for state in graph.states]
    theirs = in_litert(data, runs, names)
    for tensors, (outputs, states) in zip(reference.run_sequence(graph, runs), theirs, strict=True):
        for name, wanted in zip(graph.outputs, outputs, strict=True):
            np.testing.assert_array_equal(tensors[name], wanted)
        for state, wanted in zip(graph.states, states, strict=True):
            flipped = wanted.dtype == np.uint8
            codes = (wanted ^ 0x80).view(np.int8) if flipped else wanted
            np.testing.assert_array_equal(tensors[state.next], codes)
    return graph


def in_tflm(data: bytes, runs: Sequence[Arrays]) -> list[np.ndarray]:
    """Return the output of each run in TensorFlow Lite Micro."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 20)
    found = []
    for (array,) in runs:
        interpreter.set_input(array, 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0).copy())
    return found


def check_equals_tflm(data: bytes, count: int = 20) -> None:
    """Fail unless outputs equal TensorFlow Lite Micro's under its profile."""
    graph = lowered(data, "tflm")
    runs = random_runs(graph, count)
    theirs = in_tflm(data, runs)
    for tensors, wanted in zip(reference.run_sequence(graph, runs), theirs, strict=True):
        np.testing.assert_array_equal(tensors[graph.outputs[0]], wanted)


def check_in_c(data: bytes, kernel: str, numerics: str = "tflite-ref", count: int = 3) -> None:
    """Fail unless the C of the operation equals the reference, whatever the states hold."""
    graph = lowered(data, numerics)
    (op,) = (op for op in graph.ops if op.KIND.startswith(kernel.removesuffix("_s8")))
    rng = np.random.default_rng(3)
    tensors = {name: graph.tensors[name] for name in (*op.inputs, *op.outputs)}
    inputs = [tensors[name] for name in op.inputs if not tensors[name].is_constant]
    runs = [[random_codes(rng, tensor) for tensor in inputs] for _ in range(count)]
    runs += [[np.full_like(a, end(a.dtype)) for a in runs[0]] for end in (_least, _most)]
    check_layer(op, tensors, runs, numerics=numerics, kernel=f"portable/{kernel}")


def _least(dtype: np.dtype) -> int:
    return int(np.iinfo(dtype).min)


def _most(dtype: np.dtype) -> int:
    return int(np.iinfo(dtype).max)
