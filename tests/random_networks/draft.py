"""A network in the making: what the draws of operators add values and nodes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import numpy as np

from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape, elements
from tests.random_networks.network import Network, Node, Value

BYTES = (DType.INT8, DType.UINT8)
ANY = tuple(DType)
MOST = 1500
MOST_INPUTS = 5
FUSED = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
EXTENTS = (1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 11, 13, 16, 17)
CHANNELS = (15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65)
# Below, what activations clamp at leaves 32 bits, and LiteRT refuses the network.
SCALES = (2.0**-26, 2.0**20)

Takes = Callable[[Value], bool]
Code = QuantParams | None


class Draft:
    """Values and nodes so far; ``draw`` is where all chance comes from."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.dtype = draw.choice(BYTES)
        self.inputs: list[Value] = []
        self.computed: list[Value] = []
        self.nodes: list[Node] = []
        self._count = 0

    # What is drawn.

    def chance(self, share: float) -> bool:
        """Return whether something that happens so often happens."""
        return self.draw.random() < share

    def scale(self, near: float = 1 / 32) -> float:
        """Return a scale, mostly of the size of ``near``, as a float32 number."""
        wide = self.draw.choice((5.0, 9.0, 14.0)) if self.chance(0.2) else 2.0
        found = near * 2.0 ** self.draw.uniform(-wide, wide)
        return float(np.float32(min(max(found, SCALES[0]), SCALES[1])))

    def code(self, dtype: DType, near: float = 1 / 32) -> QuantParams:
        """Return a scale of the size of ``near`` and a zero point, often at an end."""
        return QuantParams.per_tensor(self.scale(near), self.zero(dtype))

    def zero(self, dtype: DType) -> int:
        """Return a zero point."""
        if dtype is DType.INT16:
            return 0
        ends = (dtype.min, dtype.max, (dtype.min + dtype.max + 1) // 2)
        return self.draw.choice(ends) if self.chance(0.6) else self.draw.randint(*ends[:2])

    def codes(self, dtype: DType, shape: Shape) -> np.ndarray:
        """Return numbers of the whole range of a type, or only its ends."""
        rng = np.random.default_rng(self.draw.randrange(2**32))
        if dtype.is_float:
            return rng.normal(size=shape).astype(np.float32)
        if self.chance(0.15):
            return rng.choice(np.array([dtype.min, dtype.max], dtype.numpy), shape)
        found = rng.integers(dtype.min, dtype.max, shape, np.int64, endpoint=True)
        return np.asarray(found).astype(dtype.numpy)

    def shape(self, ranks: Sequence[int] = (1, 2, 3, 4, 4, 4, 5), most: int = MOST) -> Shape:
        """Return a shape with extents of 1, primes, round numbers and their neighbours."""
        rank = self.draw.choice(ranks)
        # From the last: channels are what the tiles of kernels are made of.
        found: list[int] = []
        for place in range(rank):
            wide = place == 0 and self.chance(0.25)
            extent = self.draw.choice(CHANNELS if wide else EXTENTS)
            found.insert(0, min(extent, max(most // elements(found), 1)))
        if rank == 4 and self.chance(0.7):
            found[0] = 1
        return tuple(found)

    def fused(self) -> dict[str, str]:
        """Return an option table's fused activation."""
        return {"fused_activation_function": self.draw.choice(FUSED)}

    # What is added.

    def input(
        self, shape: Shape, dtype: DType, most: int | None = None, code: Code = None
    ) -> Value:
        """Add an input of the network; ``most`` bounds indices, and ``code`` is drawn without."""
        if code is None and (dtype.is_quantized or dtype.is_float):
            code = self.code(dtype if dtype.is_quantized else DType.INT8)
        value = self._value("x", shape, dtype, code, most=most)
        self.inputs.append(value)
        self.computed.append(value)
        return value

    def const(self, array: np.ndarray, code: Code = None) -> Value:
        """Return a constant."""
        dtype = DType.of(array.dtype)
        return self._value("c", array.shape, dtype, code, np.asarray(array))

    def ints(self, *values: int) -> Value:
        """Return a constant vector of int32."""
        return self.const(np.array(values, np.int32))

    def op(
        self,
        code: str,
        ins: Iterable[Value | None],
        shape: Sequence[int],
        dtype: DType,
        quant: Code,
        *,
        version: int = 1,
        options: tuple[str, dict[str, Any]] | None = None,
        shapes: Iterable[Sequence[int]] | None = None,
    ) -> tuple[Value, ...]:
        """Add an operator with one output, or one for each of ``shapes``."""
        each = [shape] if shapes is None else list(shapes)
        outs = tuple(self._value("t", tuple(one), dtype, quant) for one in each)
        self.nodes.append(Node(code, tuple(ins), outs, version, options))
        self.computed += outs
        return outs

    def like(
        self, code: str, ins: Iterable[Value | None], shape: Sequence[int], **more: Any
    ) -> None:
        """Add an operator that moves codes of its first operand."""
        operands = tuple(ins)
        x = next(value for value in operands if value is not None)
        self.op(code, operands, shape, x.dtype, x.quant, **more)

    def _value(
        self,
        kind: str,
        shape: Sequence[int],
        dtype: DType,
        quant: Code,
        data: np.ndarray | None = None,
        most: int | None = None,
    ) -> Value:
        self._count += 1
        return Value(f"{kind}{self._count}", tuple(shape), dtype, quant, data, most)

    # What there is.

    def find(self, takes: Takes, make: Callable[[], Value]) -> Value:
        """Return a value that fits, mostly a late one, or a new input."""
        known = [value for value in self.computed if takes(value)]
        full = len(self.inputs) >= MOST_INPUTS
        if known and (full or self.chance(0.93)):
            near = min(int(-2 * math.log(1 - self.draw.random())), len(known) - 1)
            return known[len(known) - 1 - near]
        return make()

    def peer(self, x: Value, shape: Shape, code: Code = None) -> Value:
        """Return another operand of the type of ``x``: computed, an input, or a constant.

        With a ``code`` it has that one.
        """
        known = [
            value
            for value in self.computed
            if value.shape == shape and value.dtype is x.dtype and value.quant is not None
            if code is None or value.quant == code
        ]
        if known and self.chance(0.7):
            return self.draw.choice(known)
        if code is None and len(self.inputs) < MOST_INPUTS and self.chance(0.4):
            return self.input(shape, x.dtype)
        return self.const(self.codes(x.dtype, shape), code or self.code(x.dtype, x.scale))

    def network(self) -> Network:
        """Return the network; what nothing reads is an output, and some of what is read.

        Some inputs are outputs, or read by nothing.
        """
        read = {value for node in self.nodes for value in node.reads}
        made = [value for node in self.nodes for value in node.outs]
        outputs = [v for v in made if v not in read or self.chance(0.1)]
        used = [v for v in self.inputs if v in read or self.chance(0.1)]
        outputs += [v for v in used if self.chance(0.03)]
        self.draw.shuffle(outputs)
        return Network(tuple(self.nodes), tuple(used), tuple(outputs))
