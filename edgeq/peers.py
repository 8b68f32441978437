"""Other runtimes of a model file beside the reference, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import tee
from pathlib import Path

import numpy as np

from edgeq import litert, onnxruntime, reference
from edgeq.errors import EdgeqError, ModelError
from edgeq.frontends.tflite.reader import tensor_names
from edgeq.ir.graph import Graph
from edgeq.litert import LiteRT
from edgeq.optional import naming, package
from edgeq.verify import Verdict, compare

Arrays = tuple[np.ndarray, ...]

# A uint8 network is computed with int8 codes; its ports then have this at the end of their names.
_FLIPPED = ":int8"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a runtime computed in one run: outputs, and the tensors inside that it shows."""

    outputs: Arrays
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)


Peer = Callable[[Arrays], Found]


def start(engine: str, path: Path, graph: Graph) -> Peer:
    """Return a runtime that holds the model of a file, which is that of ``graph``, ready to run.

    Raise ``EdgeqError`` for an engine that is not known or cannot read the file,
    ``UnsupportedError`` where its package is not installed.
    """
    if engine not in _STARTERS:
        raise EdgeqError(f"unknown engine '{engine}'", hint=", ".join(ENGINES))
    ending = _ENDINGS.get(engine, ".tflite")
    if path.suffix.lower() != ending:
        raise EdgeqError(f"{engine} runs {ending} files", where=str(path))
    return _STARTERS[engine](path, graph)


def verify_against(engine: str, path: Path, lowered: Graph, runs: Iterable[Arrays]) -> Verdict:
    """Compare the reference with another runtime; the first difference names operation and value.

    Every tensor that both have is compared in the order of the operations, then the outputs. Both
    remember from run to run what the model does.
    """
    peer = start(engine, path, lowered)
    verdict = Verdict(engine)
    given, again = tee(runs)
    pairs = zip(given, reference.run_sequence(lowered, again), strict=True)
    for run, (inputs, mine) in enumerate(pairs):
        verdict = _add_run(verdict, lowered, run, mine, peer(inputs))
    return verdict


def _add_run(
    verdict: Verdict, lowered: Graph, run: int, mine: Mapping[str, np.ndarray], theirs: Found
) -> Verdict:
    """Return the verdict with one run more."""
    between = f"{verdict.target} and reference"
    first, tensors, values = verdict.difference, 0, 0
    for layer, name, wanted in _pairs(lowered, theirs):
        codes = _as_codes(wanted, mine[name])
        tensors, values = tensors + 1, values + codes.size
        first = first or compare(run, between, layer, name, codes, mine[name])
    differing = total = 0
    for name, wanted in zip(lowered.outputs, theirs.outputs, strict=True):
        codes = _as_codes(wanted, mine[name])
        parted = compare(run, between, "the outputs", name, codes, mine[name])
        total, differing = total + codes.size, differing + (parted.differing if parted else 0)
        first = first or parted
    return replace(
        verdict,
        runs=verdict.runs + 1,
        tensors=tensors,
        values=verdict.values + values,
        golden_values=verdict.golden_values + total,
        differing_golden_values=verdict.differing_golden_values + differing,
        difference=first,
    )


def _pairs(lowered: Graph, theirs: Found) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield operation, name and their values of each tensor that both have."""
    for op in lowered.ops:
        for name in op.outputs:
            wanted = theirs.tensors.get(name.removesuffix(_FLIPPED))
            if wanted is not None:
                yield op.source or op.KIND, name, wanted


def _as_codes(theirs: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return their values in the type of ours: codes of uint8 are those of int8 plus 128."""
    if theirs.shape != mine.shape:
        raise ModelError(f"shapes {list(theirs.shape)} and {list(mine.shape)} of one tensor")
    if theirs.dtype == np.uint8 and mine.dtype == np.int8:
        return (theirs ^ 0x80).view(np.int8)
    return theirs.astype(mine.dtype)


def _litert(path: Path, kernels: str) -> Peer:
    """Return LiteRT with some of its ``kernels``, which shows the tensors inside."""
    data = path.read_bytes()
    engine = LiteRT(data, kernels, shows=True)
    names = tensor_names(data)

    def run(arrays: Arrays) -> Found:
        return Found(engine(arrays), _with_data(names, engine.tensor))

    return run


def _tflm(path: Path, graph: Graph) -> Peer:
    """Return TensorFlow Lite Micro with its reference kernels."""
    library = package("tflite_micro", "TensorFlow Lite Micro", "edgeq[tflm]").runtime
    data = path.read_bytes()
    names = tensor_names(data)
    with naming("TFLM"):
        shown = library.InterpreterConfig.kPreserveAllTensors
        interpreter = library.Interpreter.from_bytes(
            data, arena_size=_arena(graph), intrepreter_config=shown
        )

    def run(arrays: Arrays) -> Found:
        with naming("TFLM"):
            for index, array in enumerate(arrays):
                interpreter.set_input(array, index)
            interpreter.invoke()
            found = tuple(
                interpreter.get_output(index).copy() for index in range(len(graph.outputs))
            )
        inside = _with_data(names, lambda index: interpreter.GetTensor(index, 0)["tensor_data"])
        return Found(found, inside)

    return run


def _onnxruntime(path: Path, graph: Graph) -> Peer:
    """Return ONNX Runtime with its default optimizations, and tensors as those leave them."""
    outputs = onnxruntime.caller(onnxruntime.session(str(path)))
    inside = onnxruntime.insides(path, graph)
    return lambda arrays: Found(outputs(arrays), inside(arrays))


def _arena(graph: Graph) -> int:
    """Return bytes that are enough for every tensor at once, and what TFLM keeps beside them."""
    return 2 * sum(t.bytes for t in graph.tensors.values() if not t.is_constant) + (1 << 20)


def _with_data(names: Sequence[str], get: Callable[[int], np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the tensors of a file that have data, by name."""
    found = {}
    for index, name in enumerate(names):
        if not name:
            continue  # LiteRT crashes when asked for a handle
        try:
            found[name] = np.array(get(index))
        except (ValueError, RuntimeError):
            continue  # without memory: temporaries of a kernel
    return found


_STARTERS: Mapping[str, Callable[[Path, Graph], Peer]] = {
    "litert": lambda path, _: _litert(path, litert.DEFAULT),
    "litert-builtin": lambda path, _: _litert(path, litert.BUILTIN),
    "litert-ref": lambda path, _: _litert(path, litert.REFERENCE),
    "tflm": _tflm,
    "onnxruntime": _onnxruntime,
}
# What an engine reads where that is no .tflite.
_ENDINGS = {"onnxruntime": ".onnx"}
ENGINES = tuple(_STARTERS)
