"""What computes a network: each engine as a function from real inputs to real outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq import api, litert, onnxruntime, reference
from edgeq.errors import EdgeqError, ModelError
from edgeq.ir.graph import Graph, Tensor
from edgeq.quantize.ranges import to_codes, to_reals

Arrays = tuple[np.ndarray, ...]
Call = Callable[[Arrays], Arrays]

ENGINES = ("c", "reference", "litert", "litert-ref", "onnxruntime")
# The file formats that other engines read.
_FILES = {"litert": ".tflite", "litert-ref": ".tflite", "onnxruntime": ".onnx"}


@dataclass(frozen=True, slots=True)
class Network:
    """A network, and the file it came from where it came from one."""

    name: str
    graph: Graph
    path: Path | None = None
    numerics: str | None = None

    def engine(self) -> str:
        """Return the engine that runs it where the user names none."""
        return "reference" if self.graph.is_float else "c"

    def obstacle(self, engine: str) -> str:
        """Return why an engine cannot run it, "" where it can."""
        if engine not in ENGINES:
            raise EdgeqError(f"unknown engine '{engine}'", hint=", ".join(ENGINES))
        if engine == "c" and self.graph.is_float:
            return "a float network has no C: quantize it first"
        ending = _FILES.get(engine)
        if ending and (self.path is None or self.path.suffix.lower() != ending):
            return f"engine {engine} runs {ending} files"
        return ""


@dataclass(slots=True)
class Runner:
    """A network in an engine. Call it with real inputs to get real outputs.

    Integer inputs get ``round(x / scale) + zero``, clamped; ``outside`` of the ``seen`` input
    values were more than a step beyond the codes.
    """

    network: Network
    engine: str
    call: Call
    outside: int = 0
    seen: int = 0

    def __call__(self, reals: Arrays) -> Arrays:
        """Return the outputs of one sample; raise ``ModelError`` for one that does not fit."""
        graph = self.network.graph
        if len(reals) != len(graph.inputs):
            raise ModelError(f"{len(reals)} inputs given, the model has {len(graph.inputs)}")
        ins = (graph.tensors[name] for name in graph.inputs)
        codes = tuple(self._codes(*pair) for pair in zip(ins, reals, strict=True))
        outs = (graph.tensors[name] for name in graph.outputs)
        return tuple(map(_reals, outs, self.call(codes)))

    def _codes(self, tensor: Tensor, x: np.ndarray) -> np.ndarray:
        if x.shape != tensor.shape:
            raise ModelError(f"'{tensor.name}' is {list(tensor.shape)}, not {list(x.shape)}")
        if not np.isfinite(x).all():
            raise ModelError(f"a sample of '{tensor.name}' holds NaN or infinity")
        low, high = (0.0, 0.0) if tensor.dtype.is_float else (tensor.dtype.min, tensor.dtype.max)
        if tensor.dtype.is_float:
            return np.ascontiguousarray(x, np.float32)
        if tensor.quant is None or not tensor.dtype.is_quantized:
            whole = x.astype(tensor.dtype.numpy)
            if not np.array_equal(whole, x):
                raise ModelError(f"'{tensor.name}' takes whole numbers ({tensor.dtype.value})")
            return whole
        steps = x / tensor.scale + tensor.zero_point
        self.outside += int(np.count_nonzero((steps < low - 1) | (steps > high + 1)))
        self.seen += x.size
        return to_codes(x, tensor.quant, int(low), int(high)).astype(tensor.dtype.numpy)


def start(network: Network, engine: str) -> Runner:
    """Return a network ready to run; raise ``EdgeqError`` where the engine cannot run it."""
    if why := network.obstacle(engine):
        raise EdgeqError(why, where=str(network.path or network.name))
    return Runner(network, engine, _STARTERS[engine](network))


def _c(network: Network) -> Call:
    compiled = api.compile(network.graph, numerics=network.numerics)
    compiled.build()

    def call(arrays: Arrays) -> Arrays:
        result = compiled(*arrays)
        return result if isinstance(result, tuple) else (result,)

    return call


def _reference(network: Network) -> Call:
    graph = network.graph
    ready = graph if graph.is_float else api.lower(graph, network.numerics)
    return lambda arrays: reference.run(ready, arrays)


def _litert(network: Network, kernels: str = litert.DEFAULT) -> Call:
    """Return LiteRT as it runs by default, or with other ``kernels`` of its.

    What a network remembers it must forget before the next sample, as C and reference do. LiteRT
    resets variable tensors, but initialises resource variables once: each sample gets a new one.
    """
    data = Path(network.path or "").read_bytes()
    first = litert.LiteRT(data, kernels)
    return (lambda arrays: litert.LiteRT(data, kernels)(arrays)) if network.graph.states else first


def _onnxruntime(network: Network) -> Call:
    return onnxruntime.caller(onnxruntime.session(str(network.path)))


_STARTERS: Mapping[str, Callable[[Network], Call]] = {
    "c": _c,
    "reference": _reference,
    "litert": _litert,
    "litert-ref": lambda network: _litert(network, litert.REFERENCE),
    "onnxruntime": _onnxruntime,
}


def _reals(tensor: Tensor, codes: np.ndarray) -> np.ndarray:
    is_code = tensor.quant is not None and tensor.dtype.is_quantized
    return to_reals(codes, tensor.quant) if is_code and tensor.quant else codes
