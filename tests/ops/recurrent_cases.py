"""Files of one operator with a state, stepped in LiteRT, in the reference and in C."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgeq import api, reference
from edgeq.frontends.tflite import read_tflite
from edgeq.ir.graph import Graph
from tests.frontends.tflite_builder import ModelBuilder
from tests.kernel_harness import check_layer
from tests.litert import RESOLVERS
from tests.ops.elementwise_cases import random_codes

Arrays = list[np.ndarray]
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

    def file(self, seed: int = 0, activation: str = "RELU", weights: str = "int8") -> bytes:
        """Return the .tflite file, with random weights."""
        rng = np.random.default_rng(seed)
        filters, wide = self.units * self.rank, self.state == "int16"
        bound = 32767 if wide else 127
        scales = (0.004, 0.0001) if wide else (0.5, 0.01)
        b = ModelBuilder()
        x = b.input("x", (self.batch, self.depth), scale=0.0503, zero_point=self.zeros[0])
        feature = rng.integers(-127, 128, (filters, self.depth)).astype(np.int8)
        time = rng.integers(-bound, bound + 1, (filters, self.steps)).astype(self.state)
        biases = rng.integers(-100000, 100000, self.units).astype(np.int32)
        inputs = [
            x,
            b.const("feature", feature.astype(weights), scale=0.01 * self.loud),
            b.const("time", time, scale=scales[1]),
            b.const("bias", biases, scale=scales[0] * scales[1]) if self.bias else None,
            b.variable("s", (self.batch, filters * self.steps), self.state, scale=scales[0]),
        ]
        y = b.tensor("y", (self.batch, self.units), scale=0.04, zero_point=self.zeros[1])
        options = {"rank": self.rank, "fused_activation_function": activation}
        b.op("SVDF", inputs, [y], version=3, SVDFOptions=options)
        return b.finish([y])


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
        rng = np.random.default_rng(seed)
        b = ModelBuilder()
        lead = (self.steps, self.batch) if self.time_major else (self.batch, self.steps)
        lead = (self.batch,) if self.single else lead
        x = b.input("x", (*lead, self.depth), scale=0.03, zero_point=self.zeros[0])
        codes = {"scale": 0.0079, "zero_point": self.zeros[1]}
        h = b.variable("h", (self.batch, self.cells), **codes)
        cell_scale = 2.0 ** (self.cell_bits - 15)
        c = b.variable("c", (self.batch, self.cells), "int16", scale=cell_scale)
        y = b.tensor("y", (*lead, self.cells), **codes)
        weights, biases = self._parameters(b, rng)
        product = b.tensor("hidden", (0,), **{**codes, **hidden})
        rest = [b.tensor(f"inside{index}", (0,), "float32") for index in range(4)]
        inputs = [x, *weights, *[None] * 3, *biases, None, None, h, c, *[None] * 4]
        for index, array in ports.items():
            inputs[index] = None if array is None else b.const(f"port{index}", array, scale=0.5)
        given = {"fused_activation_function": "TANH", "cell_clip": self.clip, **options}
        if self.single:
            kinds = {"LSTMOptions": given}
        else:
            kinds = {"UnidirectionalSequenceLSTMOptions": {"time_major": self.time_major, **given}}
        code = "LSTM" if self.single else "UNIDIRECTIONAL_SEQUENCE_LSTM"
        b.op(code, inputs, [y], intermediates=[*rest, product][5 - inside :], **kinds)
        return b.finish([y])

    def _parameters(self, b: ModelBuilder, rng: np.random.Generator) -> tuple[list, list]:
        """Return the weights of x and of h of all gates, and their biases."""
        scales = rng.uniform(0.01, 0.03, (2, 4)) * self.loud
        depths = (self.depth, self.cells)
        weights = [
            b.const(f"{name}{gate}", _int8(rng, (self.cells, depth)), scale=scale)
            for name, depth, row in zip("wr", depths, scales, strict=True)
            for gate, scale in zip(GATES, row, strict=True)
        ]
        codes = rng.integers(-2000, 2000, (4, self.cells)).astype(np.int32)
        return weights, [b.const(f"b{gate}", row) for gate, row in zip(GATES, codes, strict=True)]


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


def lowered(data: bytes, numerics: str = "tflite-ref") -> Graph:
    """Return the graph of a file, with its arithmetic."""
    return api.lower(read_tflite(data, "m"), numerics)


def random_runs(graph: Graph, count: int, seed: int = 1) -> list[Arrays]:
    """Return the inputs of runs one after the other; some are all of one extreme."""
    rng = np.random.default_rng(seed)
    runs = []
    for run in range(count):
        arrays = [random_codes(rng, graph.tensors[name]) for name in graph.inputs]
        ends = [np.iinfo(array.dtype) for array in arrays]
        low, high = run % 7 == 5, run % 7 == 6
        if low or high:
            arrays = [
                np.full_like(array, end.min if low else end.max)
                for array, end in zip(arrays, ends, strict=True)
            ]
        runs.append(arrays)
    return runs


def in_litert(
    data: bytes, runs: Sequence[Arrays], states: Sequence[str], resolver: str = "ref"
) -> list[tuple[Arrays, Arrays]]:
    """Return outputs and variables after each run."""
    keep = resolver == "ref"
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=RESOLVERS[resolver],
        experimental_preserve_all_tensors=keep,
    )
    interpreter.allocate_tensors()
    places = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    found = []
    for arrays in runs:
        for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        found.append((outputs, [interpreter.get_tensor(places[name]) for name in states]))
    return found


def check_equals_litert(data: bytes, count: int = 20) -> Graph:
    """Fail unless outputs and states equal LiteRT's after each of several runs."""
    graph = lowered(data)
    runs = random_runs(graph, count)
    names = [state.name for state in graph.states]
    theirs = in_litert(data, runs, names)
    for tensors, (outputs, states) in zip(reference.run_sequence(graph, runs), theirs, strict=True):
        for name, wanted in zip(graph.outputs, outputs, strict=True):
            np.testing.assert_array_equal(tensors[name], wanted)
        for state, wanted in zip(graph.states, states, strict=True):
            flipped = wanted.dtype == np.uint8
            codes = (wanted ^ 0x80).view(np.int8) if flipped else wanted
            np.testing.assert_array_equal(tensors[state.next], codes)
    return graph


def in_tflm(data: bytes, runs: Sequence[Arrays]) -> list[np.ndarray]:
    """Return the output of each run in TensorFlow Lite Micro."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 20)
    found = []
    for (array,) in runs:
        interpreter.set_input(array, 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0).copy())
    return found


def check_equals_tflm(data: bytes, count: int = 20) -> None:
    """Fail unless outputs equal TensorFlow Lite Micro's under its profile."""
    graph = lowered(data, "tflm")
    runs = random_runs(graph, count)
    theirs = in_tflm(data, runs)
    for tensors, wanted in zip(reference.run_sequence(graph, runs), theirs, strict=True):
        np.testing.assert_array_equal(tensors[graph.outputs[0]], wanted)


def check_in_c(data: bytes, kernel: str, numerics: str = "tflite-ref", count: int = 3) -> None:
    """Fail unless the C of the operation equals the reference, whatever the states hold."""
    graph = lowered(data, numerics)
    (op,) = (op for op in graph.ops if op.KIND.startswith(kernel.removesuffix("_s8")))
    rng = np.random.default_rng(3)
    tensors = {name: graph.tensors[name] for name in (*op.inputs, *op.outputs)}
    inputs = [tensors[name] for name in op.inputs if not tensors[name].is_constant]
    runs = [[random_codes(rng, tensor) for tensor in inputs] for _ in range(count)]
    runs += [[np.full_like(a, end(a.dtype)) for a in runs[0]] for end in (_least, _most)]
    check_layer(op, tensors, runs, numerics=numerics, kernel=f"portable/{kernel}")


def _least(dtype: np.dtype) -> int:
    return int(np.iinfo(dtype).min)


def _most(dtype: np.dtype) -> int:
    return int(np.iinfo(dtype).max)
