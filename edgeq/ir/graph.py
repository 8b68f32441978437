"""The graph: tensors by name, operations in order. Everything here is immutable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.state import State
from edgeq.ir.types import DType, Shape, elements

if TYPE_CHECKING:
    from edgeq.ops.base import Op


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One array: its shape, element type, code, and its data when it is a constant."""

    name: str
    shape: Shape
    dtype: DType
    quant: QuantParams | None = None
    data: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.data is not None:
            frozen = np.ascontiguousarray(self.data, self.dtype.numpy).reshape(self.shape)
            frozen = frozen.view()
            frozen.flags.writeable = False
            object.__setattr__(self, "data", frozen)

    @property
    def is_constant(self) -> bool:
        """Tell whether the value is known at compile time."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """Return the number of elements."""
        return elements(self.shape)

    @property
    def bytes(self) -> int:
        """Return the size in bytes."""
        return self.elements * self.dtype.bytes

    @property
    def array(self) -> np.ndarray:
        """Return the constant's data; raise ``ValueError`` for a tensor that is not constant."""
        if self.data is None:
            raise ValueError(f"tensor '{self.name}' is not a constant")
        return self.data

    @property
    def scale(self) -> float:
        """Return the scale of a tensor with one scale."""
        return self._params.scale[0]

    @property
    def zero_point(self) -> int:
        """Return the zero point of a tensor with one zero point."""
        return self._params.zero_point[0]

    @property
    def _params(self) -> QuantParams:
        if self.quant is None:
            raise ValueError(f"tensor '{self.name}' has no quantization")
        return self.quant


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: ``ops`` in execution order over ``tensors``.

    ``numerics`` names the profile that defines its rounding unless the user asks for another.
    ``origin`` is where it was read from, for messages and comments. ``states`` are what it
    remembers from one run to the next.
    """

    name: str
    tensors: Mapping[str, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numerics: str = "gemmlowp"
    origin: str = field(default="", compare=False)
    states: tuple[State, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the tensors that have a value when a run begins: inputs, then states."""
        return (*self.inputs, *(state.name for state in self.states))

    @property
    def results(self) -> tuple[str, ...]:
        """Return the tensors that a run is for: outputs, then what states will be."""
        return (*self.outputs, *(state.next for state in self.states))

    def operands(self, op: Op) -> Operands:
        """Return the tensors that ``op`` reads and writes."""
        return Operands(
            tuple(self.tensors[name] for name in op.inputs),
            tuple(self.tensors[name] for name in op.outputs),
        )

    def walk(self) -> Iterator[tuple[Op, Operands]]:
        """Yield each operation with its tensors, in order."""
        for op in self.ops:
            yield op, self.operands(op)

    def producers(self) -> dict[str, Op]:
        """Return the operation that writes each computed tensor."""
        return {name: op for op in self.ops for name in op.outputs}

    def consumers(self) -> dict[str, tuple[Op, ...]]:
        """Return the operations that read each tensor, in order; none for unread tensors."""
        readers: dict[str, list[Op]] = {name: [] for name in self.tensors}
        for op in self.ops:
            for name in dict.fromkeys(op.inputs):
                readers[name].append(op)
        return {name: tuple(ops) for name, ops in readers.items()}

    def with_ops(self, ops: Iterable[Op], tensors: Mapping[str, Tensor] | None = None) -> Graph:
        """Return the graph with other operations, and optionally other tensors.

        Tensors that nothing refers to are dropped.
        """
        ops = tuple(ops)
        known = self.tensors if tensors is None else tensors
        used = {*self.sources, *self.results}
        for op in ops:
            used.update(op.inputs)
            used.update(op.outputs)
        kept = {name: tensor for name, tensor in known.items() if name in used}
        return replace(self, ops=ops, tensors=kept)

    @property
    def is_float(self) -> bool:
        """Tell whether some operation computes in floating point.

        Conversions at the ends of an integer network do not count.
        """
        return any(
            op.COMPUTES and any(t.dtype.is_float for t in (*io.ins, *io.outs))
            for op, io in self.walk()
        )


@dataclass(frozen=True, slots=True)
class Operands:
    """The tensors of one operation: what it reads and what it writes, in the op's order."""

    ins: tuple[Tensor, ...]
    outs: tuple[Tensor, ...]

    @property
    def x(self) -> Tensor:
        """Return the first input."""
        return self.ins[0]

    @property
    def y(self) -> Tensor:
        """Return the first output."""
        return self.outs[0]
