"""The graph under construction: tensors and operations, and what each name of a file stands for."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.nchw.values import Value, channels_last, identity
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape, elements
from edgeq.ir.verify import MAX_EXTENT, MAX_TENSOR_BYTES, MAX_TOTAL_BYTES
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.ops.transpose import Transpose
from edgeq.passes._names import unused

# A few bytes can describe many large constants: what they come to is bounded, not only each one.
MAX_FOLDED = 1 << 30


class Kind(NamedTuple):
    """The element type of a tensor, and its code."""

    dtype: DType
    quant: QuantParams | None = None


REAL = Kind(DType.FLOAT32)


class Builder:
    """``values`` and ``constants`` say what names are: tensors of the graph, or arrays.

    ``names`` are all those of the file.
    """

    def __init__(self, names: Container[str]) -> None:
        self.names = names
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.values: dict[str, Value] = {}
        self.constants: dict[str, np.ndarray] = {}
        self._arranged: dict[tuple[str, Shape], str] = {}
        self._viewed: dict[str, str] = {}
        self._weights: dict[tuple[object, ...], str] = {}
        self._bytes = 0
        self._folded = 0

    def add(
        self, name: str, shape: Shape, data: np.ndarray | None = None, kind: Kind = REAL
    ) -> str:
        """Add a tensor, under a new name where this one is taken; return the name."""
        wrong = any(not 0 < extent <= MAX_EXTENT for extent in shape)
        size = kind.dtype.bytes * elements(shape)
        if wrong or size > MAX_TENSOR_BYTES:
            raise ModelError(f"a tensor of shape {shape}")
        self._bytes += size
        if self._bytes > MAX_TOTAL_BYTES:
            raise ModelError(f"the tensors have more than {MAX_TOTAL_BYTES} bytes")
        name = unused(name or "tensor", self.tensors)
        self.tensors[name] = Tensor(name, shape, kind.dtype, kind.quant, data)
        return name

    def affords(self, folded: int) -> bool:
        """Count the bytes of one more computed constant; tell whether all together are few."""
        self._folded += folded
        return self._folded <= MAX_FOLDED

    def fresh(self, name: str) -> str:
        """Return a name that no value of the file has, for one between two operations."""
        return unused(name, self.names)

    def constant(
        self, name: str, array: np.ndarray, key: tuple[object, ...] = (), kind: Kind = REAL
    ) -> str:
        """Add a constant; with a ``key`` the same one serves whoever asks with that key."""
        key = key and (*key, kind)
        if key and key in self._weights:
            return self._weights[key]
        if array.dtype != kind.dtype.numpy:
            raise UnsupportedError(f"computes with a constant of {array.dtype.name}")
        added = self.add(name, array.shape, array, kind)
        if key:
            self._weights[key] = added
        return added

    def emit(
        self,
        cls: type[Op],
        inputs: Sequence[str],
        *names: str,
        kind: Kind | None = None,
        **fields: Any,
    ) -> list[str]:
        """Add an operation whose rules its inputs keep; return the names of its outputs.

        They are of the first input's kind unless ``kind`` is given.
        """
        ins = tuple(self.tensors[name] for name in inputs)
        kind = kind or Kind(ins[0].dtype, ins[0].quant)
        # Rules of operations look at the type of an output; its shape follows from them.
        outs = tuple(Tensor(name, (1,), kind.dtype, kind.quant) for name in names)
        op = cls(inputs=tuple(inputs), outputs=names, **fields)
        io = Operands(ins, outs)
        op.check(io)
        added = tuple(
            self.add(name, shape, None, kind)
            for name, shape in zip(names, op.shapes(io), strict=True)
        )
        self.ops.append(replace(op, outputs=added))
        return list(added)

    def arranged(self, value: Value, order: Shape, source: str) -> str:
        """Return a tensor that holds a value in ``order``, moving elements where it must."""
        value = self.reshaped(value, source)
        if value.order == order:
            return value.tensor
        if value.only_ones_move(order):
            return self.viewed(value.tensor, value.shape, order, source).tensor
        key = (value.tensor, tuple(value.order.index(axis) for axis in order))
        if key not in self._arranged:
            images = {channels_last(4): "nhwc", identity(4): "nchw"}
            name = f"{value.tensor}:{images.get(order, 'transposed')}"
            [made] = self.emit(Transpose, [value.tensor], name, perm=key[1], source=source)
            self._arranged[key] = made
        return self._arranged[key]

    def reshaped(self, value: Value, source: str) -> Value:
        """Return a value whose pending reshape has been done."""
        if value.flat is None:
            return value
        held = replace(value, flat=None)
        tensor = self.arranged(held, identity(len(value.shape)), source)
        return self.viewed(tensor, value.flat, identity(len(value.flat)), source)

    def viewed(self, tensor: str, shape: Shape, order: Shape, source: str) -> Value:
        """Return a value of ``shape`` in ``order`` that reads ``tensor`` under its stored shape."""
        stored = tuple(shape[axis] for axis in order)
        return Value(self.under(tensor, stored, source), shape, order)

    def unviewed(self, tensor: str) -> str:
        """Return the tensor of another shape that ``tensor`` is a reshape of, or itself."""
        return self._viewed.get(tensor, tensor)

    def under(self, tensor: str, shape: Shape, source: str) -> str:
        """Return a tensor that holds the elements of ``tensor`` under another shape."""
        # A reshape of a reshape is one of what that one read.
        tensor = self.unviewed(tensor)
        if self.tensors[tensor].shape == shape:
            return tensor
        name = f"{tensor}:{'x'.join(map(str, shape)) or 'scalar'}"
        [made] = self.emit(Reshape, [tensor], name, shape=shape, source=source)
        self._viewed[made] = tensor
        return made
