"""Operators on pairs of elements, as LiteRT computes them, at scales and zero points drawn wide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import UnsupportedError
from edgeq.ops.compare import Relation
from tests.frontends.tflite.one_op import OneOp
from tests.frontends.tflite.side_by_side import SideBySide

BYTES = ("int8", "uint8")
SHAPES = (
    ((7,), (7,)),
    ((2, 3), (3,)),
    ((1, 3), (2, 1)),
    ((2, 3, 4), (2, 1, 4)),
    ((1, 2, 3, 5), (1, 1, 1, 1)),
    ((2, 1, 3, 1), (2, 4, 1, 5)),
    ((1, 16, 16, 1), (1, 16, 16, 1)),
)


def _code(net: SideBySide, dtype: str, low: float = 0.01, high: float = 0.5) -> dict[str, Any]:
    info = np.iinfo(dtype)
    middle = int(net.rng.integers(info.min, info.max, endpoint=True))
    zero = int(net.rng.choice([info.min, info.max, middle, middle]))
    return {"scale": float(np.float32(net.rng.uniform(low, high))), "zero_point": zero}


def _pairs(
    net: SideBySide, code: str, dtype: str, table: str | None, fused: bool = False, **y: Any
) -> None:
    """Add one operator for each pair of shapes, and two with one constant element."""
    kinds = ("NONE", "RELU", "RELU6") if fused else ("",)
    for number, (a, b) in enumerate((*SHAPES, ((5,), "const"), ("const", (4,)))):
        operands = []
        for shape in (a, b):
            quant = _code(net, dtype)
            one = net.codes((1,), dtype)
            operands.append(
                net.const(one, **quant) if shape == "const" else net.x(shape, dtype, **quant)
            )
        shapes = [(1,) if shape == "const" else shape for shape in (a, b)]
        fields = {"fused_activation_function": kinds[number % len(kinds)]} if fused else {}
        options = None if table is None else (table, fields)
        result = {"dtype": dtype, **_code(net, dtype), **y}
        net.op(code, operands, np.broadcast_shapes(*shapes), options=options, **result)


@pytest.mark.parametrize("dtype", BYTES)
def test_differences_equal_litert(dtype: str) -> None:
    net = SideBySide(1)
    for _ in range(3):
        _pairs(net, "SUB", dtype, "SubOptions", fused=True)
    if dtype == "int8":
        for _ in range(3):
            _pairs(net, "SQUARED_DIFFERENCE", dtype, "SquaredDifferenceOptions")
    net.check()


@pytest.mark.parametrize("dtype", [*BYTES, "int16", "int32", "int64"])
def test_extremes_equal_litert(dtype: str) -> None:
    net = SideBySide(2)
    for code in ("MINIMUM", "MAXIMUM"):
        for a, b in SHAPES:
            operands = [net.x(a, dtype), net.x(b, dtype)]
            options = ("MaximumMinimumOptions", {})
            net.op(code, operands, np.broadcast_shapes(a, b), dtype, options=options)
        floor = net.const(net.codes((1,), dtype), **({"scale": 0.5} if dtype in BYTES else {}))
        net.op(code, [net.x((5,), dtype), floor], (5,), dtype, options=options)
    net.check()


@pytest.mark.parametrize("dtype", BYTES)
def test_comparisons_of_codes_equal_litert(dtype: str) -> None:
    net = SideBySide(3)
    for relation in Relation:
        for a, b in SHAPES:
            one = _code(net, dtype, 0.001, 0.9)
            other = one if net.rng.random() < 0.5 else _code(net, dtype, 0.001, 0.9)
            operands = [net.x(a, dtype, **one), net.x(b, dtype, **other)]
            net.op(relation.name, operands, np.broadcast_shapes(a, b), "bool")
        one = _code(net, dtype, 0.01, 0.1)
        limit = net.const(net.codes((1,), dtype), **one)
        net.op(relation.name, [net.x((50,), dtype, **one), limit], (50,), "bool")
        net.op(relation.name, [limit, net.x((50,), dtype, **one)], (50,), "bool")
    net.check()


def test_comparisons_of_16_bits_equal_litert() -> None:
    net = SideBySide(8)
    scales = ((0.5, 0.5), (0.001, 0.001), (0.001, 0.002), (0.5, 0.1))
    for relation in Relation:
        for one, other in scales:
            operands = [net.x((900,), "int16", scale=each) for each in (one, other)]
            near = net.arrays[-2] + net.rng.integers(-3, 4, 900)
            net.arrays[-1] = np.clip(near, -32768, 32767).astype(np.int16)
            net.op(relation.name, operands, (900,), "bool")
    net.check()


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_comparisons_of_numbers_equal_litert(dtype: str) -> None:
    net = SideBySide(4)
    for relation in Relation:
        if dtype == "bool" and relation not in (Relation.EQUAL, Relation.NOT_EQUAL):
            continue
        for a, b in SHAPES[:5]:
            operands = [net.x(a, dtype), net.x(b, dtype)]
            net.op(relation.name, operands, np.broadcast_shapes(a, b), "bool", version=1)
    net.check()


def test_logic_equals_litert() -> None:
    net = SideBySide(5)
    for a, b in SHAPES:
        for code in ("LOGICAL_AND", "LOGICAL_OR"):
            operands = [net.x(a, "bool"), net.x(b, "bool")]
            net.op(code, operands, np.broadcast_shapes(a, b), "bool", version=1)
        net.op("LOGICAL_NOT", [net.x(a, "bool")], a, "bool", version=1)
    net.check()


@pytest.mark.parametrize("dtype", [*BYTES, "int16", "int32"])
@pytest.mark.parametrize("computes", [False, True])
def test_choices_equal_litert(dtype: str, computes: bool) -> None:
    net = SideBySide(6)
    for which, a, b in (
        ((7,), (7,), (7,)),
        ((2, 3), (2, 3), (1, 3)),
        ((2, 1), (2, 3), (1,)),
        ((1,), (2, 3, 2), (3, 1)),
        ((2, 3, 1, 2), (1, 1, 4, 1), (2, 1, 1, 2)),
    ):
        operands = [net.x(which, "bool"), net.x(a, dtype), net.x(b, dtype)]
        result = np.broadcast_shapes(which, a, b)
        net.op("SELECT_V2", operands, result, dtype, version=1, options=("SelectV2Options", {}))
    for which, shape in (((2,), (2, 3)), ((3,), (3,)), ((2, 3, 2), (2, 3, 2))):
        operands = [net.x(which, "bool"), net.x(shape, dtype), net.x(shape, dtype)]
        net.op("SELECT", operands, shape, dtype, version=1, options=("SelectOptions", {}))
    x = net.x((3, 2), dtype)
    net.op("SELECT", [net.x((3, 2), "bool"), x, x], (3, 2), dtype, version=1)
    if computes:
        net.op("RELU", [net.x((3,), "uint8")], (3,), "uint8")
    net.check()


@pytest.mark.parametrize("dtype", BYTES)
def test_learned_slopes_equal_litert(dtype: str) -> None:
    net = SideBySide(7)
    for shape, slopes in (((1, 3, 4, 5), (1, 1, 5)), ((1, 3, 4, 5), (3, 4, 5)), ((2, 6), (6,))) * 3:
        x, a = net.x(shape, dtype, **_code(net, dtype)), net.codes(slopes, dtype)
        slope = net.const(a, **_code(net, dtype, 0.001, 0.02))
        net.op("PRELU", [x, slope], shape, dtype, version=1, **_code(net, dtype))
    one = net.const(net.codes((1, 1, 1), dtype), **_code(net, dtype, 0.001, 0.02))
    operands = [net.x((1, 2, 8, 16), dtype, **_code(net, dtype)), one]
    net.op("PRELU", operands, (1, 2, 8, 16), dtype, version=1, **_code(net, dtype))
    net.check()


def test_refusals() -> None:
    squared = OneOp().x(2, dtype="uint8").x(2, dtype="uint8").y(2, dtype="uint8")
    error = squared.refusal("SQUARED_DIFFERENCE")
    assert isinstance(error, UnsupportedError) and "of uint8 data" in str(error)
    other = OneOp().x(2, dtype="bool").x(3).x(2).y(2).refusal("SELECT_V2")
    assert "shape (3,) does not broadcast to (2,)" in str(other)
    mixed = OneOp().x(2).x(2, dtype="int32").y(2, dtype="bool").refusal("EQUAL")
    assert "compares int8 with int32" in str(mixed)
