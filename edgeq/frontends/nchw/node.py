"""One node of a file, with checked access to its operands, and what it adds to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.nchw.builder import REAL, Builder, Kind
from edgeq.frontends.nchw.values import Value, channels_last, identity
from edgeq.frontends.tflite.tensors import readable
from edgeq.ir.types import Shape, elements
from edgeq.ops.base import Op

# Parameters (axes, paddings, extents) have a few values for each dimension.
MAX_PARAMETERS = 64
IMAGE_RANKS = (3, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Names of operands ("" for an absent optional one). A format adds its attributes."""

    FORMAT: ClassVar[str] = ""

    code: str
    index: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    build: Builder

    @property
    def place(self) -> str:
        """Return the index, and the name of the node or else of its first output."""
        label = self.name or (self.outputs[0] if self.outputs else "")
        return f"node[{self.index}]" + (f" '{readable(label)}'" if label else "")

    @property
    def source(self) -> str:
        """Return what errors and comments call this node."""
        label = self.name or (self.outputs[0] if self.outputs else "")
        named = f" '{readable(label)}'" if label else ""
        return f"{self.FORMAT}:node[{self.index}] {self.code}{named}"

    def error(self, what: str) -> ModelError:
        """Return an error about this node."""
        return ModelError(what, where=self.source)

    def unsupported(self, what: str) -> UnsupportedError:
        """Return an error about something valid that edgeq does not implement."""
        return UnsupportedError(what, where=self.source)

    # ---- Operands

    def expect(self, inputs: int, outputs: int = 1, *, optional: int = 0) -> None:
        """Raise unless the node has this many operands; the last ``optional`` may be absent."""
        count = len(self.inputs)
        if not inputs - optional <= count <= inputs or len(self.outputs) != outputs:
            least = f"{inputs - optional} to " if optional else ""
            raise self.error(
                f"has {count} inputs and {len(self.outputs)} outputs, "
                f"expected {least}{inputs} and {outputs}"
            )
        if "" in self.inputs[: inputs - optional] or "" in self.outputs:
            raise self.error("a required operand is absent")

    def has(self, index: int) -> bool:
        """Tell whether an optional input is there."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def input(self, index: int) -> str:
        """Return the name of an input that must be there."""
        if not self.has(index):
            raise self.error(f"input {index} is absent")
        return self.inputs[index]

    def array(self, index: int) -> np.ndarray | None:
        """Return an input that is a constant, ``None`` for others."""
        return self.build.constants.get(self.input(index))

    def weights(self, index: int, what: str) -> np.ndarray:
        """Return a float32 input that must be a constant."""
        found = self.array(index)
        if found is None:
            raise self.unsupported(f"with {what} that are computed at run time")
        if found.dtype != np.float32:
            raise self.unsupported(f"with {what} of {found.dtype.name}")
        if found.size == 0:
            raise self.error(f"has no {what}")
        return found

    def numbers(self, index: int, what: str) -> tuple[Any, ...]:
        """Return the values of a constant input of few numbers."""
        found = self.array(index)
        if found is None:
            raise self.unsupported(f"with {what} that are computed at run time")
        if found.size > MAX_PARAMETERS:
            raise self.error(f"{found.size} {what}, expected {MAX_PARAMETERS} at most")
        return tuple(np.ravel(found).tolist())

    def whole(self, index: int, what: str) -> Shape:
        """Return the values of a constant input of few whole numbers."""
        values = self.numbers(index, what)
        if any(not isinstance(value, int) for value in values):
            raise self.error(f"{what} are not whole numbers")
        return values

    def value(self, index: int = 0) -> Value:
        """Return an input as a value of the graph; a constant becomes a tensor."""
        name = self.input(index)
        array = self.array(index)
        if array is None:
            return self.build.values[name]
        tensor = self.constant(name, array, (name,))
        return Value(tensor, array.shape, identity(array.ndim))

    def whole_value(self, index: int = 0) -> Value:
        """Return an input as a value without a pending reshape."""
        return self.build.reshaped(self.value(index), self.source)

    def constant(
        self, name: str, array: np.ndarray, key: tuple[object, ...] = (), kind: Kind = REAL
    ) -> str:
        """Add a constant of this node to the graph."""
        try:
            return self.build.constant(name, array, key, kind)
        except (ModelError, UnsupportedError) as error:
            raise error.at(self.source) from None

    def arranged(self, value: Value, order: Shape) -> str:
        """Return a tensor that holds a value in ``order``."""
        return self.build.arranged(value, order, self.source)

    def image(self, index: int = 0) -> Value:
        """Return an input that is an image [N,C,H,W], or a line [N,C,W], stored channels last."""
        value = self.whole_value(index)
        rank = len(value.shape)
        if rank not in IMAGE_RANKS:
            raise self.unsupported(f"of an input with {rank} dimensions")
        order = channels_last(rank)
        return Value(self.arranged(value, order), value.shape, order)

    def rows(self, image: Value) -> str:
        """Return the tensor of an image as [N,H,W,C], a line being one row."""
        if len(image.shape) == 4:
            return image.tensor
        n, channels, width = image.shape
        return self.view(image.tensor, (n, 1, width, channels), identity(4)).tensor

    def axis(self, value: int, rank: int) -> int:
        """Return a dimension index counted from the front."""
        if not -rank <= value < rank:
            raise self.error(f"dimension {value} of {rank}")
        return value % rank

    def axes(self, values: Sequence[int], rank: int) -> Shape:
        """Return dimension indices counted from the front, none twice, in order."""
        found = sorted({self.axis(value, rank) for value in values})
        if len(found) != len(values):
            raise self.error(f"axes {tuple(values)} repeat one")
        return tuple(found)

    # ---- Results

    def emit(self, cls: type[Op], inputs: Sequence[str], **fields: Any) -> str:
        """Add an operation with one output, named after this node's first; return its name."""
        [name] = self.emit_all(cls, inputs, self.outputs[:1], **fields)
        return name

    def emit_all(
        self, cls: type[Op], inputs: Sequence[str], names: Sequence[str], **fields: Any
    ) -> list[str]:
        """Add an operation; return the names of its outputs."""
        try:
            return self.build.emit(cls, inputs, *names, source=self.source, **fields)
        except ModelError as error:
            raise error if error.where else error.at(self.source) from None

    def give(self, value: Value, index: int = 0) -> None:
        """Say what an output of this node is."""
        self.build.values[self.outputs[index]] = value

    def give_image(self, tensor: str, rank: int) -> None:
        """Say that the output is the [N,H,W,C] ``tensor``, of ``rank`` dimensions in the file."""
        n, height, width, channels = self.build.tensors[tensor].shape
        shape: Shape = (n, channels, width) if rank == 3 else (n, channels, height, width)
        self.give(self.view(tensor, shape, channels_last(rank)))

    def give_array(self, array: np.ndarray) -> None:
        """Say that the output of this node is a constant."""
        self.build.constants[self.outputs[0]] = array

    def view(self, tensor: str, shape: Shape, order: Shape) -> Value:
        """Return a value of ``shape`` in ``order`` that reads ``tensor``."""
        if elements(shape) != self.build.tensors[tensor].elements:
            raise self.error(f"{self.build.tensors[tensor].shape} cannot become {shape}")
        return self.build.viewed(tensor, shape, order, self.source)
