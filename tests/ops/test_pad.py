"""Pad: borders of one value, any type."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops.pad import Pad
from tests.ops.movement import (
    CODES,
    DTYPES,
    check_kernel,
    evaluate,
    inputs_of,
    layer,
    litert,
    quant,
    same,
    tensor,
)

Paddings = tuple[tuple[int, int], ...]
CASES: list[tuple[Shape, Paddings]] = [
    ((7,), ((0, 0),)),
    ((7,), ((3, 0),)),
    ((7,), ((0, 9),)),
    ((1, 5, 6, 3), ((0, 0), (1, 1), (1, 1), (0, 0))),
    ((1, 5, 6, 3), ((0, 0), (0, 1), (0, 1), (0, 0))),
    ((2, 3, 4, 5), ((1, 0), (0, 2), (1, 1), (2, 3))),
    ((2, 3, 4, 5), ((0, 0), (2, 0), (0, 0), (0, 1))),
    ((1, 1, 1), ((0, 0), (1, 1), (0, 0))),
    ((2, 1, 3), ((1, 1), (0, 0), (0, 0))),
]


def _pad(paddings: Paddings, value: int | float = 0) -> Pad:
    return Pad(inputs=("x",), outputs=("y",), paddings=paddings, value=value)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("zero", [0, 7])
def test_litert_pads_with_the_zero_point_of_the_output(dtype: DType, zero: int) -> None:
    zero = 0 if dtype is DType.INT16 else zero
    op = _pad(((0, 0), (1, 2), (2, 1), (0, 1)), zero)
    tensors = layer(op, tensor("x", (1, 3, 2, 4), dtype, quant()), params=quant(0.25, zero))
    arrays = inputs_of(op, tensors)
    operands = [0, np.array(op.paddings, np.int32)]
    expected = litert("PAD", arrays, [tensors["y"]], operands, [quant()], PadOptions={})
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize(("shape", "paddings"), CASES)
def test_kernel_of_every_border(shape: Shape, paddings: Paddings) -> None:
    op = _pad(paddings, -128)
    check_kernel(op, layer(op, tensor("x", shape)), "pad")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_pads_with_the_extremes_of_every_type(dtype: DType) -> None:
    ends = (-1.1, 3.0e38) if dtype.is_float else (dtype.min, dtype.max)
    for value in ends:
        op = _pad(((1, 2), (1, 0)), value)
        check_kernel(op, layer(op, tensor("x", (3, 5), dtype)), "pad")


def test_flip_moves_the_value() -> None:
    io = Operands(
        (tensor("x", (1,), DType.UINT8, quant()),), (tensor("y", (1,), DType.UINT8, quant()),)
    )
    op = _pad(((0, 0),), 200)
    flipped = op.flipped(io)
    assert isinstance(flipped, Pad)
    assert flipped.value == 72
    plain = Operands((tensor("x", (1,), DType.UINT8),), (tensor("y", (1,), DType.UINT8),))
    assert op.flipped(plain) is op
    assert op.flipped(Operands(io.ins, plain.outs)) is None


@pytest.mark.parametrize(
    ("dtype", "paddings", "value"),
    [
        (DType.INT8, ((-1, 0),), 0),
        (DType.INT8, ((0, 0), (0, 0)), 0),
        (DType.INT8, ((1, 0),), 128),
        (DType.UINT8, ((1, 0),), -1),
        (DType.INT8, ((1, 0),), 0.5),
        (DType.FLOAT32, ((1, 0),), float("-inf")),
        (DType.FLOAT32, ((1, 0),), float("nan")),
        (DType.FLOAT32, ((1, 0),), 1e39),
    ],
)
def test_impossible_borders_are_refused(
    dtype: DType, paddings: Paddings, value: int | float
) -> None:
    io = Operands((tensor("x", (2,), dtype),), (tensor("y", (3,), dtype),))
    with pytest.raises(ModelError):
        _pad(paddings, value).check(io)
