"""One operator of a .tflite file, with checked access to its operands and options."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.ir.graph import Tensor
from edgeq.ops.activation import Activation

_ACTIVATIONS = {
    0: Activation.NONE,
    1: Activation.RELU,
    2: Activation.RELU_N1_TO_1,
    3: Activation.RELU6,
}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Operand names ("" for an absent optional one), the option table, and all tensors.

    ``created`` collects tensors that a converter adds.
    """

    code: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str
    options_kind: str
    options: Any
    tensors: Mapping[str, Tensor]
    types: Mapping[str, str]
    created: dict[str, Tensor] = field(default_factory=dict)

    def why_unsupported(self, supported: Container[str]) -> str:
        """Return why this node cannot be converted, or ""."""
        if self.code not in supported:
            return self.source
        odd = [n for n in (*self.inputs, *self.outputs) if n and n not in self.tensors]
        return f"{self.source}: tensor of type {self.types[odd[0]]}" if odd else ""

    def error(self, what: str) -> ModelError:
        """Return an error about this node."""
        return ModelError(what, where=self.source)

    def expect(self, inputs: int, outputs: int = 1, *, optional: int = 0) -> None:
        """Raise unless the node has this many operands; the last ``optional`` may be absent."""
        count = len(self.inputs)
        if not inputs - optional <= count <= inputs or len(self.outputs) != outputs:
            raise self.error(f"{count} inputs and {len(self.outputs)} outputs")
        if "" in self.inputs[: inputs - optional]:
            raise self.error("a required input is absent")

    @property
    def present(self) -> tuple[str, ...]:
        """Return the inputs without absent optional ones at the end."""
        return tuple(name for name in self.inputs if name)

    def tensor(self, index: int) -> Tensor:
        """Return an input tensor."""
        return self.tensors[self.inputs[index]]

    def output(self, index: int = 0) -> Tensor:
        """Return an output tensor."""
        return self.tensors[self.outputs[index]]

    def option(self, kind: str, accessor: str, default: Any) -> Any:
        """Return a field of the option table ``kind``; the default when the node has no table."""
        if self.options is None:
            return default
        if self.options_kind != kind:
            raise self.error(f"options are of kind {self.options_kind}, expected {kind}")
        return getattr(self.options, accessor)()

    def activation(self, kind: str) -> Activation:
        """Return the fused activation of the option table ``kind``."""
        code = self.option(kind, "FusedActivationFunction", 0)
        if code not in _ACTIVATIONS:
            raise self.error(f"fused activation {code}")
        return _ACTIVATIONS[code]

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """Return the values of a constant integer input."""
        tensor = self.tensor(index)
        if not tensor.is_constant:
            raise self.error(f"{what} are computed at run time; they must be constant")
        if tensor.dtype.is_float:
            raise self.error(f"{what} are {tensor.dtype.value}")
        return tuple(int(value) for value in np.ravel(tensor.array))

    def axis(self, value: int, rank: int) -> int:
        """Return a dimension index counted from the front."""
        if not -rank <= value < rank:
            raise self.error(f"dimension {value} of {rank}")
        return value % rank
