"""Codes in an .onnx file: scales and zero points, and which values of the file are codes here.

In the graph all codes are int8: uint8 ones are read with 128 taken from codes and zero points,
which moves no real number. What DequantizeLinear makes of codes stays those codes: the file calls
such a value float, and it is *real* here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edgeq.frontends.nchw.builder import Kind
from edgeq.frontends.nchw.values import Value
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape

if TYPE_CHECKING:
    from edgeq.frontends.onnx.node import Node

LOW, HIGH = -128, 127
_ORIGINS = {"int8": 0, "uint8": 128}


@dataclass(frozen=True, slots=True)
class Code:
    """One scale, the zero point in int8, and what was taken from the codes of the file."""

    scale: float
    zero: int
    origin: int = 0

    @property
    def kind(self) -> Kind:
        """Return the type of tensors of this code."""
        return Kind(DType.INT8, QuantParams.per_tensor(self.scale, self.zero))

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the least and largest code of the file."""
        return LOW + self.origin, HIGH + self.origin


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A constant in codes as the file holds it: ``real = scale * (codes - zero)``.

    ``scale`` and ``zero`` have one entry, or one for each slice along ``axis``.
    """

    codes: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    axis: int | None

    def turned(self, perm: Shape) -> Coded:
        """Return the constant with its dimensions in another order."""
        axis = None if self.axis is None else perm.index(self.axis)
        codes = np.ascontiguousarray(self.codes.transpose(perm))
        return Coded(codes, np.ravel(self.scale), np.ravel(self.zero), axis)


@dataclass(slots=True, eq=False)
class Islands:
    """What is known of codes while a file is read; names are those of the file.

    ``real`` values are float there and codes here, ``unsigned`` ones uint8 there. ``coded`` are
    constants that were codes. ``readers`` are the nodes that read a value, ``outputs`` leave it.
    ``done`` are the nodes, by index, whose work the node before them does.
    """

    outputs: frozenset[str] = frozenset()
    readers: Mapping[str, list[Node]] = field(default_factory=dict)
    real: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)
    coded: dict[str, Coded] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)


def code_of(node: Node, scale: int, zero: int) -> Code:
    """Return the code that two inputs of a node state; raise where it is not one of 8 bits."""
    scales, zeros = scales_of(node, scale), zeros_of(node, zero)
    if scales.size != 1 or zeros.size != 1:
        raise node.unsupported("of values with a scale per channel")
    origin = _ORIGINS.get(zeros.dtype.name)
    if origin is None:
        raise node.unsupported(f"to or from {zeros.dtype.name}")
    return Code(float(scales.reshape(())), int(zeros.reshape(())) - origin, origin)


def scales_of(node: Node, index: int) -> np.ndarray:
    """Return the scales that an input holds."""
    found = node.weights(index, "scales")
    if not (np.isfinite(found).all() and (found > 0).all()):
        raise node.error("a scale is not a number above 0")
    return found


def zeros_of(node: Node, index: int) -> np.ndarray:
    """Return the zero points that an input holds; uint8 zero where there is none."""
    if not node.has(index):
        return np.zeros((), np.uint8)
    found = node.array(index)
    if found is None:
        raise node.unsupported("with zero points that are computed at run time")
    if found.dtype.kind not in "iu":
        raise node.unsupported(f"with zero points of {found.dtype.name}")
    if found.size == 0:
        raise node.error("has no zero point")
    return found


def is_coded(node: Node, name: str) -> bool:
    """Tell whether a name is a value in codes, real or not."""
    value = node.build.values.get(name)
    return value is not None and node.build.tensors[value.tensor].dtype is DType.INT8


def held_code(node: Node, index: int) -> Code:
    """Return the code of an input that is real, or in codes."""
    name = node.input(index)
    if not is_coded(node, name):
        raise node.unsupported("of codes and float values together")
    tensor = node.build.tensors[node.build.values[name].tensor]
    return Code(tensor.scale, tensor.zero_point, 128 if name in node.islands.unsigned else 0)


def codes_in(node: Node, index: int, code: Code) -> Value:
    """Return an input in codes that the node reads under ``code``."""
    name = node.input(index)
    if node.array(index) is not None:
        raise node.unsupported("of constant codes")
    if not is_coded(node, name) or name in node.islands.real:
        raise node.error(f"input {index} is not in codes")
    held = held_code(node, index)
    if held != code:
        raise node.unsupported("of codes that were written under another scale or zero point")
    return node.build.values[name]


def give_codes(node: Node, value: Value, code: Code, *, real: bool, index: int = 0) -> None:
    """Say that an output of a node is ``value``, in ``code``."""
    node.give(value, index)
    mark(node, code.origin != 0, real=real, index=index)


def mark(node: Node, unsigned: bool, *, real: bool, index: int = 0) -> None:
    """Remember what the file calls an output that is in codes here."""
    name = node.outputs[index]
    if real:
        node.islands.real.add(name)
    if unsigned:
        node.islands.unsigned.add(name)


def weights_of(node: Node, held: Coded, channels: int, last: int) -> tuple[np.ndarray, Kind]:
    """Return the codes of weights as int8, and their kind with scales along dimension ``last``.

    ``channels`` is that dimension's extent.
    """
    codes, scale, zero = held.codes.astype(np.int16), np.ravel(held.scale), np.ravel(held.zero)
    if held.codes.dtype.name not in _ORIGINS:
        raise node.unsupported(f"with weights of {held.codes.dtype.name}")
    zero = zero.astype(np.int16)
    if scale.size not in (1, channels) or zero.size not in (1, channels):
        raise node.error(f"{scale.size} scales and {zero.size} zero points of {channels} channels")
    if zero.size > 1 and np.any(zero != zero[0]):
        raise node.unsupported("with weights of several zero points")
    # Scales per channel come with symmetric codes; one zero point may stay where it is.
    origin = _ORIGINS[held.codes.dtype.name] if scale.size == 1 else int(zero[0])
    codes = codes - origin
    if codes.min() < LOW or codes.max() > HIGH:
        raise node.unsupported(f"with weights whose zero point is {int(zero[0])}")
    left = int(zero[0]) - origin
    scales = tuple(float(entry) for entry in scale)
    quant = QuantParams(scales, (left,) * len(scales), None if scale.size == 1 else last)
    return codes.astype(np.int8), Kind(DType.INT8, quant)


def bias_of(node: Node, array: np.ndarray, count: int, name: str) -> str:
    """Add an int32 bias of ``count`` channels; return its name."""
    if array.dtype != np.int32:
        raise node.unsupported(f"with biases of {array.dtype.name}")
    if array.size not in (1, count) or array.size != int(np.prod(array.shape[-1:])):
        raise node.error(f"biases have shape {array.shape} for {count} channels")
    row = np.broadcast_to(array.reshape(-1), (count,))
    return node.constant(name, row, (name, "bias", count), Kind(DType.INT32))
