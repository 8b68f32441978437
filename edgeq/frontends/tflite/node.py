"""One operator of a .tflite file, with checked access to its operands and options."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeq.errors import ModelError, UnsupportedError
from edgeq.frontends.tflite.tensors import STATE, readable
from edgeq.frontends.tflite.variables import Variables
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ops.activation import Activation

_ACTIVATIONS = {
    0: Activation.NONE,
    1: Activation.RELU,
    2: Activation.RELU_N1_TO_1,
    3: Activation.RELU6,
}
_OTHER_ACTIVATIONS = {4: "TANH", 5: "SIGN_BIT"}

# Parameters (axes, paddings, begins) have a few values for each dimension.
MAX_PARAMETERS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Operand names ("" for an absent optional one), the option table, and all tensors.

    ``unusable`` says of tensors that are not among ``tensors`` why; ``created`` collects tensors
    that a converter adds. ``variables`` are those of the whole model. ``intermediates`` hold
    codes of what an operator computes inside. ``custom`` are the options of a custom operator.
    """

    code: str
    index: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options_kind: str
    options: Any
    tensors: Mapping[str, Tensor]
    unusable: Mapping[str, str]
    custom: memoryview = memoryview(b"")
    created: dict[str, Tensor] = field(default_factory=dict)
    variables: Variables = field(default_factory=Variables)
    intermediates: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return the index and the name of the first output: "op[12] 'conv1'"."""
        label = f" '{readable(self.outputs[0])}'" if self.outputs else ""
        return f"op[{self.index}]{label}"

    @property
    def source(self) -> str:
        """Return what errors and comments call this node."""
        label = f" '{readable(self.outputs[0])}'" if self.outputs else ""
        return f"tflite:op[{self.index}] {self.code}{label}"

    @property
    def ports(self) -> dict[str, Any]:
        """Return what every operation made of this node starts from."""
        return {"inputs": self.inputs, "outputs": self.outputs, "source": self.source}

    @property
    def data_ports(self) -> dict[str, Any]:
        """Return ``ports`` with the first input only: the others are parameters."""
        return {**self.ports, "inputs": self.inputs[:1]}

    def error(self, what: str) -> ModelError:
        """Return an error about this node."""
        return ModelError(what, where=self.source)

    def unsupported(self, what: str) -> UnsupportedError:
        """Return an error about something valid that edgeq does not implement."""
        return UnsupportedError(what, where=self.source)

    def expect(self, inputs: int, outputs: int = 1, *, optional: int = 0) -> None:
        """Raise unless the node has this many operands; the last ``optional`` may be absent."""
        count = len(self.inputs)
        if not inputs - optional <= count <= inputs or len(self.outputs) != outputs:
            least = f"{inputs - optional} to " if optional else ""
            raise self.error(
                f"has {count} inputs and {len(self.outputs)} outputs, "
                f"expected {least}{inputs} and {outputs}"
            )
        if "" in self.inputs[: inputs - optional]:
            raise self.error("a required input is absent")

    @property
    def present(self) -> tuple[str, ...]:
        """Return the inputs without absent optional ones."""
        return tuple(name for name in self.inputs if name)

    def tensor(self, index: int) -> Tensor:
        """Return an input tensor."""
        return self.tensors[self.inputs[index]]

    def output(self, index: int = 0) -> Tensor:
        """Return an output tensor."""
        return self.tensors[self.outputs[index]]

    def image(self) -> Shape:
        """Return the shape of the first input, which must be [N, H, W, C]."""
        shape = self.tensor(0).shape
        if len(shape) != 4:
            raise self.error(f"input has shape {shape}, expected 4 dimensions")
        return shape

    def has_options(self, kind: str) -> bool:
        """Tell whether the node has an option table; raise when it is not of ``kind``."""
        if self.options is not None and self.options_kind != kind:
            raise self.error(f"options are of kind {self.options_kind}, expected {kind}")
        return self.options is not None

    def option(self, kind: str, accessor: str, default: Any) -> Any:
        """Return a field of the option table ``kind``; the default when the node has no table."""
        return getattr(self.options, accessor)() if self.has_options(kind) else default

    def required(self, kind: str, accessor: str) -> Any:
        """Return a field of the option table ``kind``, without which the node means nothing."""
        if not self.has_options(kind):
            raise self.error(f"has no {kind}")
        return getattr(self.options, accessor)()

    def activation(self, kind: str) -> Activation:
        """Return the fused activation of the option table ``kind``."""
        code = self.option(kind, "FusedActivationFunction", 0)
        if code in _OTHER_ACTIVATIONS:
            raise self.unsupported(f"with the fused activation {_OTHER_ACTIVATIONS[code]}")
        if code not in _ACTIVATIONS:
            raise self.error(f"fused activation {code} is not known")
        return _ACTIVATIONS[code]

    def refuse_powers(self, kind: str) -> None:
        """Raise for int16 sums that an option makes shifts where all scales are powers of two."""
        found = (*(self.tensor(index) for index in range(len(self.inputs))), self.output())
        quants = [tensor.quant for tensor in found if tensor.dtype is DType.INT16]
        scales = [quant.scale[0] for quant in quants if quant is not None]
        powers = len(scales) == len(found) and all(math.frexp(s)[0] == 0.5 for s in scales)
        if powers and self.option(kind, "PotScaleInt16", False):
            raise self.unsupported("of int16 data with scales that are powers of two, by shifts")

    def values(self, index: int, what: str, most: int = MAX_PARAMETERS) -> np.ndarray:
        """Return the values of a constant input, of which there may be ``most``."""
        tensor = self.tensor(index)
        if not tensor.is_constant and 0 not in tensor.shape:
            raise self.unsupported(f"with {what} that are computed at run time")
        if tensor.elements > most:
            raise self.error(f"{tensor.elements} {what}, expected {most} at most")
        return np.ravel(tensor.array) if tensor.is_constant else np.empty(0, tensor.dtype.numpy)

    def integers(self, index: int, what: str, most: int = MAX_PARAMETERS) -> tuple[int, ...]:
        """Return the values of a constant integer input."""
        values = self.values(index, what, most)
        if values.dtype.kind not in "iu":
            raise self.error(f"{what} are {values.dtype.name}")
        return tuple(int(value) for value in values)

    def axis(self, value: int, rank: int) -> int:
        """Return a dimension index counted from the front."""
        if not -rank <= value < rank:
            raise self.error(f"dimension {value} of {rank}")
        return value % rank

    def one_axis(self, index: int, rank: int) -> int:
        """Return the dimension that a constant input names."""
        axes = self.integers(index, "axes")
        if len(axes) != 1:
            raise self.error(f"{len(axes)} axes, expected 1")
        return self.axis(axes[0], rank)

    def state(self, index: int) -> tuple[str, str]:
        """Return the tensors that hold a variable input before and after this operator.

        The operation must write the second. Raise ``ModelError`` for another input.
        """
        name = self.inputs[index]
        if self.unusable.get(name) != STATE:
            raise self.error(f"input {index} is not a variable")
        before, after = self.variables.update(self.tensors[name])
        return before.name, after.name

    def create(self, like: Tensor, shape: Shape, suffix: str) -> str:
        """Add a tensor of another shape for use between two operations; return its name."""
        name = f"{self.outputs[0]}:{suffix}"
        while name in self.tensors or name in self.created or name in self.variables.tensors:
            name += "_"
        self.created[name] = Tensor(name, shape, like.dtype, like.quant)
        return name
