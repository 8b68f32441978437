"""A GRU as converters write it: integer operators round a variable, stepped beside LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeq import api, reference
from edgeq.frontends.tflite import read_tflite
from tests.frontends.tflite_builder import ModelBuilder
from tests.litert import RESOLVERS

SIGMOID, TANH = {"scale": 1 / 256, "zero_point": -128}, {"scale": 1 / 128}
SUM = {"scale": 0.05, "zero_point": 3}


class Gru:
    """One step of a GRU in the making: ``h' = z h + (1 - z) tanh(x_h + r h_h)``."""

    def __init__(self, depth: int, cells: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.cells = cells
        self.b = ModelBuilder()
        self.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 1})
        self.x = self.b.input("x", (1, depth), scale=0.03, zero_point=-5)

    def tensor(self, **code: float) -> int:
        return self.b.tensor(f"t{len(self.b.graph['tensors'])}", (1, self.cells), **code)

    def op(self, code: str, inputs: list[int], result: dict[str, float], **options: dict) -> int:
        y = self.tensor(**result)
        self.b.op(code, inputs, [y], **options)
        return y

    def pair(self, code: str, a: int, b: int, result: dict[str, float]) -> int:
        return self.op(code, [a, b], result, **{f"{code.title()}Options": {}})

    def gates(self, x: int, depth: int, name: str) -> list[int]:
        """Return the three parts of a fully connected layer."""
        rows = 3 * self.cells
        weights = self.rng.integers(-127, 128, (rows, depth)).astype(np.int8)
        bias = self.rng.integers(-500, 500, rows).astype(np.int32)
        w = self.b.const(f"{name} weights", weights, scale=0.01)
        inputs = [x, w, self.b.const(f"{name} bias", bias, scale=0.0003)]
        whole = self.b.tensor(f"{name} sums", (1, rows), **SUM)
        self.b.op("FULLY_CONNECTED", inputs, [whole], version=4, FullyConnectedOptions={})
        parts = [self.tensor(**SUM) for _ in range(3)]
        axis = self.b.const(f"{name} axis", np.int32(1))
        self.b.op("SPLIT", [axis, whole], parts, version=2, SplitOptions={"num_splits": 3})
        return parts

    def variable(self) -> int:
        handle = self.b.tensor(f"handle{len(self.b.graph['tensors'])}", (), "resource")
        self.b.op("VAR_HANDLE", [], [handle], VarHandleOptions={"shared_name": "h"})
        return handle

    def file(self, depth: int) -> bytes:
        """Return the .tflite file."""
        handle = self.variable()
        h = self.op("READ_VARIABLE", [handle], TANH)
        x_z, x_r, x_h = self.gates(self.x, depth, "x")
        h_z, h_r, h_h = self.gates(h, self.cells, "h")
        z = self.op("LOGISTIC", [self.pair("ADD", x_z, h_z, SUM)], SIGMOID)
        r = self.op("LOGISTIC", [self.pair("ADD", x_r, h_r, SUM)], SIGMOID)
        reset = self.pair("MUL", r, h_h, SUM)
        new = self.op("TANH", [self.pair("ADD", x_h, reset, SUM)], TANH)
        one = self.b.const("one", np.full((1, 1), 127, np.int8), scale=1 / 127)
        rest = self.pair("SUB", one, z, SIGMOID)
        kept = self.pair("MUL", z, h, TANH)
        y = self.pair("ADD", kept, self.pair("MUL", rest, new, TANH), TANH)
        self.b.op("ASSIGN_VARIABLE", [handle, y], [])
        self.b.outputs([y])
        self.b.subgraph("init")
        zero = self.b.const("zero", np.zeros((1, self.cells), np.int8), **TANH)
        self.b.op("ASSIGN_VARIABLE", [self.variable(), zero], [])
        return self.b.finish([])


@pytest.mark.parametrize(("depth", "cells", "seed"), [(10, 16, 0), (1, 5, 1), (24, 8, 2)])
def test_steps_of_a_gru_equal_litert(depth: int, cells: int, seed: int) -> None:
    data = Gru(depth, cells, seed).file(depth)
    graph = api.lower(read_tflite(data, "gru"))
    assert len(graph.states) == 1
    rng = np.random.default_rng(seed)
    runs = [[rng.integers(-128, 128, (1, depth)).astype(np.int8)] for _ in range(30)]
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=RESOLVERS["ref"], num_threads=1
    )
    interpreter.allocate_tensors()
    found = []
    for (x,), tensors in zip(runs, reference.run_sequence(graph, runs), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_array_equal(tensors[graph.outputs[0]], expected)
        found.append(expected)
    # Steps depend on those before, and nothing is stuck at an end.
    assert len(np.unique(np.concatenate(found))) > 10
