"""Files of one operator with a state: SVDF and LSTM of any size, with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tests.frontends.tflite_builder import ModelBuilder

GATES = ("i", "f", "g", "o")
NO_CHANGE: Mapping = MappingProxyType({})


@dataclass(frozen=True)
class Svdf:
    """An SVDF layer to build: sizes, what its state holds, and its codes."""

    batch: int = 1
    depth: int = 20
    units: int = 8
    rank: int = 1
    steps: int = 5
    state: str = "int16"
    zeros: tuple[int, int] = (-3, -128)
    bias: bool = True
    loud: float = 1.0  # above 1 states saturate
    name: str = ""  # what names of tensors begin with

    def file(self, seed: int = 0, activation: str = "RELU", weights: str = "int8") -> bytes:
        """Return the .tflite file, with random weights."""
        b = ModelBuilder()
        x = b.input("x", (self.batch, self.depth), scale=0.0503, zero_point=self.zeros[0])
        return b.finish([self.add(b, x, seed, activation, weights)])

    def add(
        self, b: ModelBuilder, x: int, seed: int, activation: str = "RELU", weights: str = "int8"
    ) -> int:
        """Add the layer to a file; return its output."""
        rng = np.random.default_rng(seed)
        filters, wide = self.units * self.rank, self.state == "int16"
        bound = 32767 if wide else 127
        scales = (0.004, 0.0001) if wide else (0.5, 0.01)
        name = self.name
        feature = rng.integers(-127, 128, (filters, self.depth)).astype(np.int8)
        time = rng.integers(-bound, bound + 1, (filters, self.steps)).astype(self.state)
        biases = rng.integers(-100000, 100000, self.units).astype(np.int32)
        inputs = [
            x,
            b.const(f"{name}feature", feature.astype(weights), scale=0.01 * self.loud),
            b.const(f"{name}time", time, scale=scales[1]),
            b.const(f"{name}bias", biases, scale=scales[0] * scales[1]) if self.bias else None,
            b.variable(f"{name}s", (self.batch, filters * self.steps), self.state, scale=scales[0]),
        ]
        y = b.tensor(f"{name}y", (self.batch, self.units), scale=0.04, zero_point=self.zeros[1])
        options = {"rank": self.rank, "fused_activation_function": activation}
        b.op("SVDF", inputs, [y], version=3, SVDFOptions=options)
        return y


@dataclass(frozen=True)
class Lstm:
    """An LSTM to build: sizes, codes, and how loud its gates are."""

    batch: int = 1
    steps: int = 1
    depth: int = 7
    cells: int = 5
    time_major: bool = False
    clip: float = 0.0
    zeros: tuple[int, int] = (-3, 4)
    cell_bits: int = 3
    loud: float = 1.0
    single: bool = False  # the operator of one step
    name: str = ""  # what names of tensors begin with

    def file(
        self,
        seed: int = 0,
        ports: Mapping[int, np.ndarray | None] = NO_CHANGE,
        options: Mapping[str, object] = NO_CHANGE,
        hidden: Mapping[str, float] = NO_CHANGE,
        inside: int = 5,
    ) -> bytes:
        """Return the .tflite file, with random weights.

        ``ports`` are inputs in place of those it has, ``options`` and ``hidden`` fields of the
        operator and of the code of its output inside, ``inside`` the tensors with such codes.
        """
        b = ModelBuilder()
        x = b.input("x", (*self._lead(), self.depth), scale=0.03, zero_point=self.zeros[0])
        return b.finish([self.add(b, x, seed, ports, options, hidden, inside)])

    def _lead(self) -> tuple[int, ...]:
        lead = (self.steps, self.batch) if self.time_major else (self.batch, self.steps)
        return (self.batch,) if self.single else lead

    def add(
        self,
        b: ModelBuilder,
        x: int,
        seed: int,
        ports: Mapping[int, np.ndarray | None] = NO_CHANGE,
        options: Mapping[str, object] = NO_CHANGE,
        hidden: Mapping[str, float] = NO_CHANGE,
        inside: int = 5,
    ) -> int:
        """Add the layer to a file; return its output."""
        rng = np.random.default_rng(seed)
        name = self.name
        codes = {"scale": 0.0079, "zero_point": self.zeros[1]}
        h = b.variable(f"{name}h", (self.batch, self.cells), **codes)
        cell_scale = 2.0 ** (self.cell_bits - 15)
        c = b.variable(f"{name}c", (self.batch, self.cells), "int16", scale=cell_scale)
        y = b.tensor(f"{name}y", (*self._lead(), self.cells), **codes)
        weights, biases = self._parameters(b, rng)
        product = b.tensor(f"{name}hidden", (0,), **{**codes, **hidden})
        rest = [b.tensor(f"{name}inside{index}", (0,), "float32") for index in range(4)]
        inputs = [x, *weights, *[None] * 3, *biases, None, None, h, c, *[None] * 4]
        for index, array in ports.items():
            inputs[index] = (
                None if array is None else b.const(f"{name}port{index}", array, scale=0.5)
            )
        given = {"fused_activation_function": "TANH", "cell_clip": self.clip, **options}
        if self.single:
            kinds = {"LSTMOptions": given}
        else:
            kinds = {"UnidirectionalSequenceLSTMOptions": {"time_major": self.time_major, **given}}
        code = "LSTM" if self.single else "UNIDIRECTIONAL_SEQUENCE_LSTM"
        b.op(code, inputs, [y], intermediates=[*rest, product][5 - inside :], **kinds)
        return y

    def _parameters(self, b: ModelBuilder, rng: np.random.Generator) -> tuple[list, list]:
        """Return the weights of x and of h of all gates, and their biases."""
        scales = rng.uniform(0.01, 0.03, (2, 4)) * self.loud
        depths = (self.depth, self.cells)
        weights = [
            b.const(f"{self.name}{name}{gate}", _int8(rng, (self.cells, depth)), scale=scale)
            for name, depth, row in zip("wr", depths, scales, strict=True)
            for gate, scale in zip(GATES, row, strict=True)
        ]
        codes = rng.integers(-2000, 2000, (4, self.cells)).astype(np.int32)
        return weights, [
            b.const(f"{self.name}b{gate}", row) for gate, row in zip(GATES, codes, strict=True)
        ]


@dataclass(frozen=True)
class Cell:
    """The LSTM of 8-bit gates to build; ``variable``: what is before are variables."""

    batch: int = 1
    depth: int = 7
    cells: int = 5
    weight_zero: int = 120
    weight_scale: float = 0.01
    variable: bool = False

    def file(self, seed: int = 0) -> bytes:
        """Return the .tflite file, with random weights."""
        rng = np.random.default_rng(seed)
        b = ModelBuilder()
        codes = {"scale": 2.0**-7, "zero_point": 128}
        before = b.variable if self.variable else b.input
        x = b.input("x", (self.batch, self.depth), "uint8", **codes)
        h = before("h", (self.batch, self.cells), "uint8", **codes)
        c = before("c", (self.batch, self.cells), "int16", scale=2.0**-11)
        rows, row = 4 * self.cells, self.depth + self.cells
        weights = rng.integers(0, 256, (rows, row)).astype(np.uint8)
        w = b.const("w", weights, scale=self.weight_scale, zero_point=self.weight_zero)
        bias_scale = np.float32(2.0**-7) * np.float32(self.weight_scale)
        bias = b.const("b", rng.integers(-5000, 5000, rows).astype(np.int32), scale=bias_scale)
        y = b.tensor("y", (self.batch, self.cells), "uint8", **codes)
        after = b.tensor("after", (self.batch, self.cells), "int16", scale=2.0**-11)
        joined = b.tensor("joined", (self.batch, row), "uint8", **codes)
        gates = b.tensor("gates", (self.batch, rows), "int16", scale=2.0**-12)
        options = {"fused_activation_function": "TANH", "kernel_type": "BASIC"}
        b.op("LSTM", [x, h, w, bias, c], [y, after, joined, gates], LSTMOptions=options)
        return b.finish([y, after])


def _int8(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)
