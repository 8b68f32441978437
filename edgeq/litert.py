"""LiteRT with one of its sets of kernels, for a file; it also shows the tensors inside."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeq.frontends.flatbuffer import verify_flatbuffer
from edgeq.frontends.schema import tflite_generated as schema
from edgeq.optional import naming, package

Arrays = tuple[np.ndarray, ...]

DEFAULT = "AUTO"  # with its delegate
BUILTIN = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
REFERENCE = "BUILTIN_REF"

_OUTPUTS_FIELD = 8
_WORD = struct.Struct("<I")
_OPAQUE = (schema.TensorType.RESOURCE, schema.TensorType.VARIANT, schema.TensorType.STRING)


class LiteRT:
    """A model that is ready to run. Call it with input arrays to get the output arrays.

    ``shows`` keeps what is inside for ``tensor``. Raise ``UnsupportedError`` where the package is
    not installed, ``ToolchainError`` with LiteRT's words where it refuses.
    """

    def __init__(self, data: bytes, kernels: str = DEFAULT, shows: bool = False) -> None:
        """Start LiteRT with some of its kernels."""
        library = package("ai_edge_litert.interpreter", "LiteRT", "edgeq[verify]")
        # Delegates keep what is inside to themselves unless it is an output.
        exposes = shows and kernels == DEFAULT
        with naming("LiteRT"):
            self.interpreter: Any = library.Interpreter(
                model_content=exposed(data) if exposes else data,
                num_threads=1,
                experimental_op_resolver_type=library.OpResolverType[kernels],
                experimental_preserve_all_tensors=shows and not exposes,
            )
            self.interpreter.allocate_tensors()
        self.ports = [detail["index"] for detail in self.interpreter.get_input_details()]
        self.places = _outputs(data) if exposes else self._output_places()

    def _output_places(self) -> Sequence[int]:
        return [detail["index"] for detail in self.interpreter.get_output_details()]

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return the outputs of one run."""
        with naming("LiteRT"):
            for index, array in zip(self.ports, arrays, strict=True):
                self.interpreter.set_tensor(index, array)
            self.interpreter.invoke()
            return tuple(self.interpreter.get_tensor(index) for index in self.places)

    def tensor(self, index: int) -> np.ndarray:
        """Return a tensor after a run; raise ``ValueError`` for one without data."""
        found: np.ndarray = self.interpreter.get_tensor(index)
        return found


def exposed(data: bytes) -> bytes:
    """Return a .tflite file whose main subgraph has every tensor that it computes as an output.

    The new list of outputs is behind all else; nothing moves.
    """
    verify_flatbuffer(data)
    subgraph = _main(data)
    field = subgraph._tab.Offset(_OUTPUTS_FIELD)
    if not field:
        return data
    places = list(_outputs(data))
    for number in range(subgraph.OperatorsLength()):
        indices = subgraph.Operators(number).OutputsAsNumpy()
        places += [] if isinstance(indices, int) else map(int, indices)
    shown = [place for place in dict.fromkeys(places) if _has_data(subgraph, place)]
    file = bytearray(data) + bytes(-len(data) % 4)
    at = subgraph._tab.Pos + field
    _WORD.pack_into(file, at, len(file) - at)
    return bytes(file + _WORD.pack(len(shown)) + np.asarray(shown, "<i4").tobytes())


def _main(data: bytes) -> schema.SubGraph:
    return schema.Model.GetRootAs(data).Subgraphs(0)


def _outputs(data: bytes) -> Sequence[int]:
    indices = _main(data).OutputsAsNumpy()
    return [] if isinstance(indices, int) else [int(index) for index in indices]


def _has_data(subgraph: schema.SubGraph, place: int) -> bool:
    inside = 0 <= place < subgraph.TensorsLength()
    return inside and subgraph.Tensors(place).Type() not in _OPAQUE
