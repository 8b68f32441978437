"""ONNX Runtime on a file, and the tensors inside as its default optimizations leave them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.ir.types import Shape
from edgeq.optional import naming, package

Arrays = tuple[np.ndarray, ...]
Shown = dict[str, np.ndarray]

# Operations whose results always have channels last here and dimension 1 in the file.
_IMAGES = frozenset({"conv2d", "depthwise_conv2d", "max_pool2d", "qlinear_average_pool2d"})
_MOVES = frozenset({"reshape", "transpose"})
_CODES = (np.dtype(np.int8), np.dtype(np.uint8))
_NODE = re.compile(r"onnx:node\[(\d+)\] ")


def _library() -> Any:
    return package("onnxruntime", "ONNX Runtime", "edgeq[onnxruntime]")


def session(model: bytes | str, **chosen: Any) -> Any:
    """Return ONNX Runtime with a model, on one thread; ``chosen`` are options of the session."""
    library = _library()
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name, value in chosen.items():
        setattr(options, name, value)
    with naming("ONNX Runtime"):
        return library.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def caller(ready: Any, names: Iterable[str] | None = None) -> Callable[[Arrays], Arrays]:
    """Return a function from the inputs of a session to its outputs, or those of some names."""
    ports = [port.name for port in ready.get_inputs()]
    wanted = None if names is None else list(names)

    def call(arrays: Arrays) -> Arrays:
        with naming("ONNX Runtime"):
            return tuple(ready.run(wanted, dict(zip(ports, arrays, strict=True))))

    return call


def insides(path: Path, graph: Graph) -> Callable[[Arrays], Shown]:
    """Return a function from inputs to the tensors inside that ``graph`` has too, under its names.

    The optimized model is run, not the file: an output more there would keep operations round it
    from being fused. What optimizations merge or move away is not shown, nor are values whose
    order of elements here cannot be told.
    """
    library = _library()
    model = _fused(path, library.GraphOptimizationLevel.ORT_ENABLE_EXTENDED)
    found = _matched(graph, _codes_of(model.graph.node))
    if not found:
        return lambda _: {}
    ports = {port.name for port in model.graph.output}
    for name in dict.fromkeys(found.values()):
        if name not in ports:
            model.graph.output.add().name = name
    level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
    call = caller(
        session(model.SerializeToString(), graph_optimization_level=level), found.values()
    )
    images = _images(graph)

    def show(arrays: Arrays) -> Shown:
        shown = {}
        for name, codes in zip(found, call(arrays), strict=True):
            order = _order(codes.shape, graph.tensors[name].shape, name in images)
            if codes.dtype in _CODES and order is not None:
                moved = np.ascontiguousarray(codes.transpose(order))
                shown[name] = moved.reshape(graph.tensors[name].shape)
        return shown

    return show


def _fused(path: Path, level: Any) -> Any:
    """Return the network as ONNX Runtime fuses it; nodes have their index in the file as names."""
    onnx = package("onnx", "ONNX", "edgeq[onnxruntime]")
    with naming("ONNX"):
        model = onnx.load(path)
    for index, node in enumerate(model.graph.node):
        node.name = str(index)  # a fused node has the name of the operation in it
    with TemporaryDirectory() as folder:
        made = str(Path(folder, "fused.onnx"))
        chosen = {"optimized_model_filepath": made, "graph_optimization_level": level}
        session(model.SerializeToString(), **chosen)
        return onnx.load(made)


def _codes_of(nodes: Any) -> Mapping[str, str]:
    """Return the first output of each node, by the node's name; codes where those are made."""
    coded = {node.input[0]: node.output[0] for node in nodes if node.op_type == "QuantizeLinear"}
    return {node.name: coded.get(node.output[0], node.output[0]) for node in nodes}


def _matched(graph: Graph, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the tensor of the fused network for each of ``graph`` that it has."""
    found: dict[str, str] = {}
    # What was made last from a node is what it gives.
    last = {at[1]: op for op in graph.ops if (at := _NODE.match(op.source or ""))}
    for index, op in last.items():
        if index in outputs and len(op.outputs) == 1 and op.KIND not in _MOVES:
            found[op.outputs[0]] = outputs[index]
    return found


def _images(graph: Graph) -> frozenset[str]:
    """Return the tensors that have channels last here for certain."""
    found: set[str] = set()
    for op in graph.ops:
        [made, *_] = op.outputs
        read = [name for name in op.inputs if not graph.tensors[name].is_constant]
        shape = graph.tensors[made].shape
        alike = all(name in found and graph.tensors[name].shape == shape for name in read)
        if op.KIND in _IMAGES or (read and alike and op.KIND not in _MOVES):
            found.update(op.outputs)
    return frozenset(found)


def _order(theirs: Shape, mine: Shape, image: bool) -> Shape | None:
    """Return how to transpose an array of the file; ``None`` where that cannot be told.

    >>> _order((1, 8, 4, 6), (1, 4, 6, 8), True), _order((1, 4, 4), (1, 4, 4), False)
    ((0, 2, 3, 1), None)
    """
    rank = len(theirs)
    moving = [axis for axis in range(rank) if theirs[axis] != 1]
    wanted = [extent for extent in mine if extent != 1]
    if image and rank > 2:
        order = (0, *range(2, rank), 1)
        return order if [theirs[a] for a in order if theirs[a] != 1] == wanted else None
    if len(moving) > 5:
        return None
    fitting = [each for each in permutations(moving) if [theirs[a] for a in each] == wanted]
    still = tuple(axis for axis in range(rank) if theirs[axis] == 1)
    return (*still, *fitting[0]) if len(fitting) == 1 else None
