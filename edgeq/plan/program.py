"""The program: all that emission may see. Every number in it is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A constant array of the generated code; ``name`` is unique within its layer.

    ``alignment`` in bytes is more than that of its type where vectors are read from it.
    """

    name: str
    array: np.ndarray
    comment: str = ""
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class Scratch:
    """Working memory of one kernel call, in elements of a C type; it lives in the arena."""

    name: str
    dtype: DType
    elements: int

    @property
    def bytes(self) -> int:
        """Return the size in bytes."""
        return self.elements * self.dtype.bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array is at run time.

    ``kind`` is ``"arena"`` (``offset`` bytes into its region ``index``), ``"input"``, ``"output"``
    or ``"state"`` (``offset`` bytes into the memory of port or state ``index``), or ``"data"``
    (``symbol`` is a constant array). In a loop of a stage it moves ``advance`` bytes with each
    turn.
    """

    kind: str
    index: int = 0
    offset: int = 0
    symbol: str = ""
    advance: int = 0


@dataclass(frozen=True, slots=True)
class Argument:
    """One pointer parameter of a layer function and what it is called with."""

    name: str
    dtype: DType
    const: bool
    restrict: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Working:
    """Bytes of a region that something uses while it runs: scratch, or lines of a tensor."""

    name: str
    region: int
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes that a stage moves; from ``source`` to a place below it they may overlap."""

    source: Place
    to: Place
    bytes: int


@dataclass(frozen=True, slots=True)
class Turns:
    """What a stage does ``count`` times: copies, and calls by their place among its parts."""

    count: int
    steps: tuple[int | Copy, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A C function that several calls share.

    ``calls`` are their symbols, in order. What they differ in reaches the function at run time:
    ``numbers`` are constants, ``arrays`` the kernel's short names of constant arrays. ``restrict``
    are the parameters that no other points into, in any of the calls. Where there are numbers,
    ``records`` names the structure of each call's: calls with equal ones have one.
    """

    symbol: str
    calls: tuple[str, ...]
    numbers: tuple[str, ...]
    arrays: tuple[str, ...]
    restrict: tuple[str, ...]
    records: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One layer: a kernel, its specialised numbers, and its arguments.

    ``constants`` become a local ``enum``; ``data`` maps the kernel's short names of its constant
    arrays to C symbols; ``flags`` choose the structure of the template. ``output_bytes`` are the
    sizes of ``outputs``. A layer that several
    threads can share has ``parts``, calls that write apart from each other, and no function of its
    own: no arguments, constants, data or flags. So has a stage, several layers that run some rows
    at a time, in ``turns`` over its parts, with ``lines`` of the tensors between them. ``fixed``
    are constants that the C needs when it is compiled; ``function`` is set where calls share one.
    """

    index: int
    symbol: str
    kernel: str
    kind: str
    source: str
    note: str
    arguments: tuple[Argument, ...]
    constants: Mapping[str, int]
    data: Mapping[str, str]
    flags: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int = 0
    scratch_bytes: int = 0
    lines: tuple[Working, ...] = ()
    parts: tuple[Call, ...] = ()
    turns: tuple[Turns, ...] = ()
    fixed: tuple[str, ...] = ()
    function: Function | None = None
    output_bytes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("constants", "data", "flags"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def is_portable(self) -> bool:
        """Tell whether the layer, or something in the stage, has a portable kernel."""
        return any(call.kernel.startswith("portable/") for call in self.parts or (self,))

    @property
    def copies(self) -> tuple[Copy, ...]:
        """Return what a stage moves."""
        steps = (step for turns in self.turns for step in turns.steps)
        return tuple(step for step in steps if isinstance(step, Copy))


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the arena in a memory of its own: the bytes it needs, of those that there are."""

    name: str
    bytes: int
    limit: int | None = None

    @property
    def declared(self) -> int:
        """Return the bytes of its array in C, where none has 0."""
        return max(self.bytes, 1)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the network, with its default place in a region of the arena."""

    name: str
    shape: Shape
    dtype: DType
    quant: QuantParams | None
    bytes: int
    offset: int
    region: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Memory of the context that a state has: in the first run all elements are ``fill``.

    Where it is ``None``, they are those of the constant array ``symbol``.
    """

    name: str
    shape: Shape
    dtype: DType
    bytes: int
    fill: Any
    symbol: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A planned network for one target.

    ``places`` tells where each computed tensor lies when the layer that writes it ends.
    ``arena`` and ``lower_bound`` are bytes: what the plan needs, and what no plan for this
    operator order can go below. ``named`` are the regions of the arena where there are several
    memories, or the only one has a name. ``data`` names are C symbols without the model's prefix.
    ``headers`` are files of ``runtime/include/`` that the kernels include, and ``flags`` are those
    without which no compiler takes the code. ``threads`` is the most parts that a layer has,
    ``stack`` a bound on the bytes of stack that a call takes, or, where there are lines
    ``stack_of``, the figure of the compiler that they name. ``states`` are what the context keeps
    from run to run. ``isas`` are the kernel tables that
    the target could choose from, the best first. ``optimize`` is ``"speed"`` or ``"size"``.
    """

    name: str
    target: str
    numerics: str
    calls: tuple[Call, ...]
    data: tuple[Data, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arena: int
    lower_bound: int
    alignment: int
    model_hash: str
    places: Mapping[str, Place] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    threads: int = 1
    stack: int = 0
    stack_of: tuple[str, ...] = ()
    isas: tuple[str, ...] = ()
    optimize: str = "speed"
    named: tuple[Region, ...] = ()
    states: tuple[Slot, ...] = ()

    @property
    def state_order(self) -> tuple[int, ...]:
        """Return the states in the order in which they lie in the context: without gaps."""
        count = range(len(self.states))
        return tuple(sorted(count, key=lambda index: -self.states[index].dtype.bytes))

    @property
    def state_bytes(self) -> int:
        """Return the bytes of all states."""
        return sum(slot.bytes for slot in self.states)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Return the memories that the caller gives to ``init``; one is the arena itself."""
        return self.named or (Region("arena", self.arena),)

    @property
    def context_pointers(self) -> int:
        """Return how many pointers the context has: regions, ports, and what shares out layers.

        States come behind them.
        """
        ports = len(self.inputs) + len(self.outputs)
        return len(self.regions) + ports + (2 if self.threads > 1 else 0)

    def context_bytes(self, pointer: int) -> int:
        """Return the bytes of the context where a pointer has so many."""
        return pointer * self.context_pointers + -(-self.state_bytes // pointer) * pointer

    @property
    def fallbacks(self) -> tuple[Call, ...]:
        """Return the layers with portable kernels, where the target has better tables."""
        if self.isas[:1] == ("portable",):
            return ()
        return tuple(call for call in self.calls if call.is_portable)

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of one run."""
        return sum(call.macs for call in self.calls)

    @property
    def functions(self) -> tuple[Call, ...]:
        """Return every call that is a C function: layers, or their parts, in order."""
        return tuple(part for call in self.calls for part in call.parts or (call,))

    @property
    def data_bytes(self) -> int:
        """Return the bytes of constant data: weights, biases, multipliers, tables."""
        return sum(data.array.nbytes for data in self.data)
