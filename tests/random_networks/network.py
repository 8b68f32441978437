"""A random network as plain data: values, nodes, ports; written as a ``.tflite`` file, cut down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape, elements
from tests.frontends.tflite_builder import ModelBuilder

Arrays = tuple[np.ndarray, ...]
RUNS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor; ``most`` bounds the numbers that an input which holds indices may have."""

    name: str
    shape: Shape
    dtype: DType
    quant: QuantParams | None = None
    data: np.ndarray | None = None
    most: int | None = None

    @property
    def elements(self) -> int:
        """Return the number of elements."""
        return elements(self.shape)

    @property
    def scale(self) -> float:
        """Return the one scale."""
        return 1.0 if self.quant is None else self.quant.scale[0]

    @property
    def zero(self) -> int:
        """Return the one zero point."""
        return 0 if self.quant is None else self.quant.zero_point[0]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operator of a .tflite file; ``options`` is its table: name and fields."""

    code: str
    ins: tuple[Value | None, ...]
    outs: tuple[Value, ...]
    version: int = 1
    options: tuple[str, dict[str, Any]] | None = None

    @property
    def reads(self) -> tuple[Value, ...]:
        """Return the operands that are no constants."""
        return tuple(v for v in self.ins if v is not None and v.data is None)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Nodes in execution order, and the ports."""

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def part(self, nodes: Iterable[Node], wanted: Iterable[Value] = ()) -> Network:
        """Return some nodes; what they lack are inputs, what none of them reads is an output.

        ``wanted`` are values that are outputs in any case.
        """
        kept = tuple(nodes)
        made = dict.fromkeys(out for node in kept for out in node.outs)
        read = dict.fromkeys(value for node in kept for value in node.reads)
        asked = dict.fromkeys((*self.outputs, *wanted))
        outputs = tuple(value for value in made if value not in read or value in asked)
        return Network(kept, tuple(value for value in read if value not in made), outputs)

    def data(self) -> bytes:
        """Return the .tflite file."""
        builder = ModelBuilder()
        places: dict[Value, int] = {}

        def place(value: Value) -> int:
            if value not in places:
                places[value] = _written(builder, value)
            return places[value]

        for value in self.inputs:
            builder.graph["inputs"].append(place(value))
        for node in self.nodes:
            ins = [None if value is None else place(value) for value in node.ins]
            outs = [place(value) for value in node.outs]
            tables = {} if node.options is None else dict([node.options])
            builder.op(node.code, ins, outs, version=node.version, **tables)
        return builder.finish([place(value) for value in self.outputs])


def _written(builder: ModelBuilder, value: Value) -> int:
    code: dict[str, Any] = {}
    if value.quant is not None:
        code = {"scale": value.quant.scale, "zero_point": value.quant.zero_point}
        code["axis"] = value.quant.axis or 0
    if value.data is not None:
        return builder.const(value.name, value.data, **code)
    return builder.tensor(value.name, value.shape, value.dtype.value, **code)


def sample_runs(inputs: Sequence[Value], seed: int) -> list[Arrays]:
    """Return ``RUNS`` runs: random codes, only the ends of the range, and one code everywhere."""
    rng = np.random.default_rng(seed)
    return [tuple(_sample(rng, value, kind) for value in inputs) for kind in range(RUNS)]


def _sample(rng: np.random.Generator, value: Value, kind: int) -> np.ndarray:
    shape = value.shape
    if value.dtype.is_float:
        # Halves of a scale among them, where rounding decides.
        steps = rng.integers(-600, 600, shape) if kind else rng.normal(0, 100, shape)
        return np.asarray(steps * (value.scale / 2), np.float32)
    low, high = (value.dtype.min, value.dtype.max) if value.most is None else (0, value.most)
    codes = (
        rng.integers(low, high, shape, np.int64, endpoint=True),
        rng.choice(np.array([low, high], np.int64), shape),
        np.full(shape, rng.choice(np.array([low, high, min(max(value.zero, low), high)]))),
    )
    return np.asarray(codes[kind]).astype(value.dtype.numpy).reshape(shape)
