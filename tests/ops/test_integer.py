from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.integer import NUMBERS, Calculation, Integer
from tests.frontends.tflite.side_by_side import SideBySide
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, evaluate
from tests.ops.movement import layer, tensor, values
from tests.ops.pairs import SHAPES


def integer(calculation: Calculation) -> Integer:
    return Integer(inputs=("a", "b"), outputs=("y",), calculation=calculation)


def test_kernel() -> None:
    cases = []
    for number, calculation in enumerate(Calculation):
        for dtype in NUMBERS:
            op, shapes = integer(calculation), SHAPES[1 + number]
            tensors = layer(op, *(tensor(n, s, dtype) for n, s in zip("ab", shapes, strict=True)))
            runs = [[values(dtype, shape, i) for i, shape in enumerate(shapes)] for _ in range(2)]
            runs[1][0].reshape(-1)[:2] = dtype.min, dtype.max
            runs[1][1] = np.asarray(runs[1][1] % 3 - 1).astype(dtype.numpy)
            cases.append(Case(op, tensors, runs, "portable/integer"))
    check_layers(cases, PORTABLE)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_sums_and_products_equal_litert(dtype: str) -> None:
    net = SideBySide(1)
    for code, table in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
        for a, b in SHAPES[1:5]:
            operands = [net.x(a, dtype), net.x(b, dtype)]
            net.op(code, operands, np.broadcast_shapes(a, b), dtype, options=(table, {}))
    net.op("NEG", [net.x((9,), dtype)], (9,), dtype, version=1, options=("NegOptions", {}))
    net.check()
    net.check("builtin", "tflite")


@pytest.mark.parametrize(
    ("code", "table", "kinds"),
    [
        ("FLOOR_DIV", "FloorDivOptions", ("int16", "int32")),
        ("FLOOR_MOD", "FloorModOptions", ("int16", "int32", "int64")),
    ],
)
def test_quotients_equal_litert(code: str, table: str, kinds: tuple[str, ...]) -> None:
    net = SideBySide(2)
    for dtype in kinds:
        for a, b in SHAPES[1:5]:
            operands = [net.x(a, dtype), net.x(b, dtype)]
            net.arrays[-1] = np.where(np.isin(net.arrays[-1], (0, -1)), 7, net.arrays[-1])
            net.op(code, operands, np.broadcast_shapes(a, b), dtype, options=(table, {}))
    net.check()


def test_negative_codes_of_16_bits_equal_litert() -> None:
    net = SideBySide(3)
    net.op("NEG", [net.x((900,), "int16")], (900,), "int16", version=1, options=("NegOptions", {}))
    net.check()


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [(Calculation.FLOOR_DIVIDE, [0, 0, -(2**31)]), (Calculation.FLOOR_MOD, [0, 0, 0])],
)
def test_what_has_no_quotient(calculation: Calculation, expected: list[int]) -> None:
    tensors = [tensor(name, (3,), DType.INT32) for name in "aby"]
    a, b = np.array([5, 0, -(2**31)], np.int32), np.array([0, 0, -1], np.int32)
    assert evaluate(integer(calculation), tensors, [a, b]).tolist() == expected


def test_codes_are_refused() -> None:
    found = [tensor(name, (3,)) for name in "aby"]
    with pytest.raises(ModelError, match="inputs are int8, expected one of int16, int32, int64"):
        one_op_graph(integer(Calculation.ADD), by_name(*found))
    mixed = tensor("b", (3,), DType.INT64)
    numbers = [tensor("a", (3,), DType.INT32), mixed, tensor("y", (3,), DType.INT32)]
    with pytest.raises(ModelError, match="tensor 'b' is int64, expected int32"):
        one_op_graph(integer(Calculation.ADD), by_name(*numbers))
