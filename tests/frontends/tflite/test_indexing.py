"""Operators of places and counts, as LiteRT computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite.one_op import OneOp, ints
from tests.frontends.tflite.side_by_side import SideBySide

TYPES = ("int8", "uint8", "int16", "int32")


def scalar(value: int, dtype: str = "int32") -> np.ndarray:
    return np.array(value, np.dtype(dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_elements_by_coordinates_equal_litert(dtype: str) -> None:
    net = SideBySide(1)
    for shape, places in (
        ((3, 17), [[1], [0], [2]]),
        ((3, 17), [[1, 2], [0, 16]]),
        ((2, 3, 4), [[[1, 2], [0, 0]], [[1, 0], [1, 1]]]),
        ((5,), [3]),
    ):
        where = np.array(places, np.int32)
        result = (*where.shape[:-1], *shape[where.shape[-1] :])
        net.op("GATHER_ND", [net.x(shape, dtype), net.const(where)], result, dtype)
    net.check()


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_of_a_table_equal_litert(dtype: str) -> None:
    net = SideBySide(2)
    code = {} if dtype == "int32" else {"scale": 0.5, "zero_point": 128 * (dtype == "uint8")}
    table = net.const(net.codes((6, 7), dtype), **code)
    net.op("EMBEDDING_LOOKUP", [net.x((4,), "int32"), table], (4, 7), dtype, version=1)
    net.arrays[-1] = np.array([5, 0, 3, 3], np.int32)
    net.check()


@pytest.mark.parametrize("dtype", TYPES)
def test_fills_equal_litert(dtype: str) -> None:
    net = SideBySide(3)
    net.op("FILL", [net.ints(2, 3), net.x((), dtype)], (2, 3), dtype)
    net.op("RANK", [net.x((2, 3, 4), dtype)], (), "int32", version=1)
    net.check()


def test_what_is_known_equals_litert() -> None:
    net = SideBySide(4)
    x = net.x((3, 2), "int32")
    net.op("ZEROS_LIKE", [x], (3, 2), "int32", version=1)
    for first, end, step, count in ((0, 5, 1, 5), (7, -2, -3, 3), (1, 8, 3, 3)):
        bounds = [net.const(scalar(value)) for value in (first, end, step)]
        net.op("RANGE", bounds, (count,), "int32", version=1)
    net.op("ADD", [x, x], (3, 2), "int32", options=("AddOptions", {}))
    net.check()


@pytest.mark.parametrize("dtype", ["int8", "int32"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_equals_litert(axis: int, dtype: str) -> None:
    net = SideBySide(5)
    code: dict[str, Any] = {} if dtype == "int32" else {"scale": 0.5}
    indices = net.x((2, 4), "int32")
    net.arrays[-1] = np.array([[0, 2, 5, -1], [1, 1, 3, 2]], np.int32)
    operands = [indices, net.const(scalar(3))]
    operands += [net.const(scalar(value, dtype), **code) for value in (7, -2)]
    result = np.insert((2, 4), axis % 3, 3).tolist()
    options = ("OneHotOptions", {"axis": axis})
    net.op("ONE_HOT", operands, result, dtype, version=1, options=options)
    net.check()


def test_refusals() -> None:
    outside = OneOp().x(2, 3).const(np.array([[2]], np.int32)).y(1, 3).refusal("GATHER_ND")
    assert "coordinates outside (2,)" in str(outside)
    computed = OneOp().x(2, 3).x(1, 1, dtype="int32").y(1, 3).refusal("GATHER_ND")
    assert "coordinates that are computed at run time" in str(computed)
    table = OneOp().x(2, dtype="int32").x(4, 3).y(2, 3, dtype="float32")
    assert "rows that become real numbers" in str(table.refusal("EMBEDDING_LOOKUP"))
    many = OneOp().const(ints(2)).x(2).y(2).refusal("FILL")
    assert "2 values, expected 1" in str(many)
    still = OneOp()
    for value in (0, 4, 0):
        still.const(scalar(value))
    assert "its step is 0" in str(still.y(4, dtype="int32").refusal("RANGE"))
