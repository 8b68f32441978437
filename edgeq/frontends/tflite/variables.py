"""The variables of a .tflite file: what runs remember, as states of a graph without effects.

Operators are converted in the order in which they run, so the value of a variable is at any time
some tensor: the state itself until something is assigned, then what was assigned last. There are
two kinds. Resource variables have a name, handles, and operators that read and assign them; an
initialising subgraph assigns constants to them before the first run. Variable tensors are inputs
of operators that update them; a reset fills them with one value.

A converter of such an operator says which inputs are variable tensors, and asks for each where its
value is and where the operation must write the next one::

    @converts("SVDF", states=(4,))
    def svdf(node: Node) -> list[Op]:
        before, after = node.state(4)
        return [Svdf(inputs=(..., before), outputs=(node.outputs[0], after), ...)]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeq.errors import ModelError
from edgeq.frontends.tflite.tensors import readable
from edgeq.ir.graph import Tensor
from edgeq.ir.state import State
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.passes._names import unused

if TYPE_CHECKING:
    from edgeq.frontends.tflite.node import Node

Key = tuple[str, ...]

# Converters write one; each may be as large as the main one.
MAX_SUBGRAPHS = 4


def _no_subgraph(index: int) -> Sequence[Node]:
    return ()


@dataclass(slots=True, eq=False)
class Variables:
    """All variables of a model, where conversion has come to.

    ``tensors`` are those of the main subgraph and, in the end, of the states. ``subgraph`` returns
    the operators of an initialising subgraph. ``handles`` tells which variable each handle is of,
    ``initial`` what resource variables are at first, ``values`` what tensor holds each now, and
    ``states`` those that were read before they were assigned: their tensor and first value.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    subgraph: Callable[[int], Sequence[Node]] = _no_subgraph
    handles: dict[str, Key] = field(default_factory=dict)
    initial: dict[Key, Tensor] = field(default_factory=dict)
    values: dict[Key, Tensor] = field(default_factory=dict)
    states: dict[Key, tuple[Tensor, np.ndarray]] = field(default_factory=dict)
    subgraphs: set[int] = field(default_factory=set)

    def read(self, node: Node, key: Key) -> Tensor:
        """Return the tensor that holds a resource variable now."""
        first = self.initial.get(key)
        if key not in self.values:
            if first is None or first.data is None:
                raise node.unsupported("of a variable without an initial value")
            # The codes are those of the tensor that is read; most files say the same everywhere.
            like = replace(first, quant=node.output().quant, data=None)
            name = unused(key[-1] or "variable", self.tensors)
            self._begin(key, replace(like, name=name), first.data)
        return self.values[key]

    def update(self, tensor: Tensor) -> tuple[Tensor, Tensor]:
        """Return what holds a variable tensor, and a new tensor that holds it from here on."""
        key = ("tensor", tensor.name)
        if key not in self.values:
            # What LiteRT fills them with.
            coded = tensor.dtype is DType.INT8 and tensor.quant is not None
            zero = tensor.zero_point if coded else 0
            if coded and not tensor.dtype.min <= zero <= tensor.dtype.max:
                where = f"tensor '{readable(tensor.name)}'"
                raise ModelError(f"zero point {zero} is not an {tensor.dtype.value}", where=where)
            first = np.array(zero, tensor.dtype.numpy)
            self._begin(key, tensor, np.broadcast_to(first, tensor.shape))
        before, self.values[key] = self.values[key], self._next(tensor)
        return before, self.values[key]

    def _next(self, tensor: Tensor) -> Tensor:
        name = unused(f"{tensor.name}:next", self.tensors)
        self.tensors[name] = replace(tensor, name=name)
        return self.tensors[name]

    def _begin(self, key: Key, tensor: Tensor, initial: np.ndarray) -> None:
        self.tensors[tensor.name] = tensor
        self.states[key] = tensor, initial
        self.values[key] = tensor

    def finish(self) -> tuple[tuple[State, ...], list[Op]]:
        """Return the states and the operations that end a run; enter their tensors.

        A variable to which nothing is assigned is a constant.
        """
        found: list[State] = []
        ops: list[Op] = []
        for key, (tensor, initial) in self.states.items():
            after = self.values[key]
            if after is tensor:
                self.tensors[tensor.name] = replace(tensor, data=initial)
                continue
            if after.quant != tensor.quant:
                value, after = after, self._next(tensor)
                ports: dict[str, Any] = {"inputs": (value.name,), "outputs": (after.name,)}
                source = f"next value of '{tensor.name}'"
                ops.append(Reshape(**ports, source=source, shape=tensor.shape))
            found.append(State(tensor.name, after.name, initial))
        return tuple(found), ops
