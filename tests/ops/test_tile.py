"""Tile: repetitions along dimensions, any type."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops.tile import Tile
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.ops.movement import (
    CODES,
    DTYPES,
    evaluate,
    inputs_of,
    layer,
    litert,
    quant,
    same,
    tensor,
)

TILES: list[tuple[Shape, Shape]] = [
    ((), ()),
    ((3,), (1,)),
    ((1,), (5,)),
    ((17,), (3,)),
    ((2, 3), (3, 1)),
    ((2, 3), (1, 3)),
    ((2, 3, 1), (2, 2, 4)),
    ((1, 4, 1, 3), (2, 1, 5, 1)),
    ((2, 1, 2, 1, 2), (1, 3, 2, 2, 1)),
]


def _tile(times: Shape) -> Tile:
    return Tile(inputs=("x",), outputs=("y",), multiples=times)


@pytest.mark.parametrize("dtype", CODES)
def test_equals_litert(dtype: DType) -> None:
    for shape, times in TILES[1:]:
        op = _tile(times)
        tensors = layer(op, tensor("x", shape, dtype, quant()), params=quant())
        arrays = inputs_of(op, tensors)
        operands = [0, np.array(times, np.int32)]
        expected = litert("TILE", arrays, [tensors["y"]], operands, [quant()], TileOptions={})
        same(evaluate(op, tensors, arrays), expected)


def test_kernel_of_every_shape_and_type() -> None:
    cases = []
    for number, (shape, times) in enumerate(TILES * 2):
        op = _tile(times)
        tensors = layer(op, tensor("x", shape, DTYPES[number % len(DTYPES)]))
        runs = [inputs_of(op, tensors, seed) for seed in range(2)]
        cases.append(Case(op, tensors, runs, "portable/strided_copy"))
    check_layers(cases, PORTABLE)


@pytest.mark.parametrize("times", [(2,), (0, 1), (-1, 1), (1, 1, 1)])
def test_other_multiples_are_refused(times: Shape) -> None:
    io = Operands((tensor("x", (2, 3)),), (tensor("y", (2, 3)),))
    with pytest.raises(ModelError, match="multiples"):
        _tile(times).check(io)
