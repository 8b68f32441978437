"""Other runtimes of a model file beside the reference, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeq import reference
from edgeq.errors import EdgeqError, ModelError
from edgeq.frontends.tflite.reader import tensor_names
from edgeq.ir.graph import Graph
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
    if path.suffix.lower() != ".tflite":
        raise EdgeqError(f"{engine} runs .tflite files", where=str(path))
    return _STARTERS[engine](path, graph)


def verify_against(engine: str, path: Path, lowered: Graph, runs: Iterable[Arrays]) -> Verdict:
    """Compare the reference with another runtime; the first difference names operation and value.

    Every tensor that both have is compared in the order of the operations, then the outputs.
    """
    peer = start(engine, path, lowered)
    verdict = Verdict(engine)
    for run, inputs in enumerate(runs):
        theirs = peer(inputs)
        verdict = _add_run(verdict, lowered, run, reference.run_tensors(lowered, inputs), theirs)
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


def _litert(path: Path, kernels: str, shows: bool) -> Peer:
    """Return LiteRT with some of its ``kernels``; ``shows`` the tensors inside."""
    library = package("ai_edge_litert.interpreter", "LiteRT", "edgeq[verify]")
    data = path.read_bytes()
    with naming("LiteRT"):
        interpreter = library.Interpreter(
            model_content=data,
            num_threads=1,
            experimental_op_resolver_type=library.OpResolverType[kernels],
            experimental_preserve_all_tensors=shows,
        )
        interpreter.allocate_tensors()
    ports = interpreter.get_input_details()
    places = [detail["index"] for detail in interpreter.get_output_details()]
    names = tensor_names(data) if shows else ()

    def run(arrays: Arrays) -> Found:
        with naming("LiteRT"):
            for detail, array in zip(ports, arrays, strict=True):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
        inside = _with_data(names, interpreter.get_tensor)
        return Found(tuple(map(interpreter.get_tensor, places)), inside)

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


def _arena(graph: Graph) -> int:
    """Return bytes that are enough for every tensor at once, and what TFLM keeps beside them."""
    return 2 * sum(t.bytes for t in graph.tensors.values() if not t.is_constant) + (1 << 20)


def _with_data(names: Sequence[str], get: Callable[[int], np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the tensors of a file that have data, by name."""
    found = {}
    for index, name in enumerate(names):
        try:
            found[name] = np.array(get(index))
        except (ValueError, RuntimeError):
            continue  # without memory: resources, temporaries of a kernel
    return found


# Delegates keep what is inside to themselves: of LiteRT's default there are only outputs.
_STARTERS: Mapping[str, Callable[[Path, Graph], Peer]] = {
    "litert": lambda path, _: _litert(path, "AUTO", False),
    "litert-builtin": lambda path, _: _litert(path, "BUILTIN_WITHOUT_DEFAULT_DELEGATES", True),
    "litert-ref": lambda path, _: _litert(path, "BUILTIN_REF", True),
    "tflm": _tflm,
}
ENGINES = tuple(_STARTERS)
