"""Test vectors: one run of the reference, as C arrays and as checksums of each layer's output."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeq.emit.names import comment_text
from edgeq.emit.view import bracketed, is_string
from edgeq.ir.types import DType
from edgeq.plan.program import Program


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
class Check:
    """Where a layer's output lies and what it must hold (CRC-32).

    ``port`` is that of an output, or -1, -2, ... for a region of the arena.
    """

    layer: int
    port: int
    offset: int
    bytes: int
    crc32: int
    tensor: str


@dataclass(frozen=True, slots=True, eq=False)
class VectorsView:
    """The vectors as their template reads them."""

    inputs: tuple[ArrayView, ...]
    outputs: tuple[ArrayView, ...]
    checks: tuple[Check, ...]
    strings: bool


def vectors_view(program: Program, vectors: Vectors) -> VectorsView:
    """Return the vectors as C text."""
    return VectorsView(
        tuple(map(_array, vectors.inputs)),
        tuple(map(_array, vectors.outputs)),
        tuple(
            _check(program, call.index, name, vectors.tensors[name])
            for call in program.calls
            for name in call.outputs
        ),
        any(map(is_string, (*vectors.inputs, *vectors.outputs))),
    )


def _array(array: np.ndarray) -> ArrayView:
    return ArrayView(DType.of(array.dtype).c_name, array.size, bracketed(array))


def _check(program: Program, layer: int, name: str, array: np.ndarray) -> Check:
    place = program.places[name]
    data = np.ascontiguousarray(array).tobytes()
    port, offset = place.index, place.offset
    if place.kind == "input":
        default = program.inputs[place.index]
        port, offset = -1 - default.region, default.offset + place.offset
    elif place.kind == "arena":
        port = -1 - place.index
    return Check(layer, port, offset, len(data), zlib.crc32(data), comment_text(name, 60))
