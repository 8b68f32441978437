"""Test vectors: one run of the reference, as C arrays and as checksums of each layer's output."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.emit.names import comment_text
from edgeq.emit.view import bracketed, is_string
from edgeq.ir.types import DType
from edgeq.plan.program import Call, Program


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """One run by the reference: inputs, outputs, and every tensor that a layer writes."""

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    tensors: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class ArrayView:
    """An array of the vectors as C text."""

    c_type: str
    length: int
    initialiser: str


@dataclass(frozen=True, slots=True)
class LayerView:
    """What a layer must write: all its outputs one after the other, and the first one's name."""

    bytes: int
    crc32: int
    tensor: str


@dataclass(frozen=True, slots=True)
class ConstantView:
    """A constant array, the first layer that reads it, its operation, and the array's CRC-32."""

    layer: int
    source: str
    symbol: str
    crc32: int


@dataclass(frozen=True, slots=True, eq=False)
class VectorsView:
    """The vectors as their template reads them, those of all ``runs`` one after the other."""

    runs: int
    inputs: tuple[ArrayView, ...]
    outputs: tuple[ArrayView, ...]
    layers: tuple[LayerView, ...]
    constants: tuple[ConstantView, ...]
    strings: bool


def vectors_view(program: Program, runs: Sequence[Vectors]) -> VectorsView:
    """Return the vectors of runs one after the other as C text."""
    inputs, outputs = (_joined(r.inputs for r in runs), _joined(r.outputs for r in runs))
    return VectorsView(
        len(runs),
        tuple(map(_array, inputs)),
        tuple(map(_array, outputs)),
        tuple(_layer(call.outputs, run.tensors) for run in runs for call in program.calls),
        tuple(_constants(program)),
        any(map(is_string, (*inputs, *outputs))),
    )


def _joined(runs: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Return the items of each array in all runs."""
    return [
        np.concatenate([array.reshape(-1) for array in each]) for each in zip(*runs, strict=True)
    ]


def _array(array: np.ndarray) -> ArrayView:
    return ArrayView(DType.of(array.dtype).c_name, array.size, bracketed(array))


def _layer(outputs: Sequence[str], tensors: Mapping[str, np.ndarray]) -> LayerView:
    data = b"".join(_bytes(tensors[name]) for name in outputs)
    return LayerView(len(data), zlib.crc32(data), comment_text(outputs[0], 60))


def _constants(program: Program) -> Iterator[ConstantView]:
    readers: dict[str, Call] = {}
    for call in program.calls:
        for function in call.parts or (call,):
            passed = [a.place.symbol for a in function.arguments if a.place.kind == "data"]
            for name in (*function.data.values(), *passed):
                readers.setdefault(name, function)
    for data in program.data:
        if data.array.size:
            checksum = zlib.crc32(_bytes(data.array))
            symbol = f"{program.name}_{data.name}"
            # First values of states are read by no layer.
            reader = readers.get(data.name)
            index, source = (0, "reset") if reader is None else (reader.index, reader.source)
            yield ConstantView(index, comment_text(source, 60), symbol, checksum)


def _bytes(array: np.ndarray) -> bytes:
    """Return an array's bytes, the lowest of each element first."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
