"""A window that moves on: the end of what it held, then what enters."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ops.push import Push
from tests.ops.movement import check_kernel, evaluate, inputs_of, layer, quant, same, tensor

CASES: tuple[tuple[Shape, int, int], ...] = (
    ((12,), 0, 1),
    ((1, 9, 4), 1, 2),
    ((1, 9, 4), 1, 3),
    ((3, 5, 7), 1, 4),
    ((2, 3, 6), 2, 6),
    ((4, 2), 0, 3),
)


def _layer(
    shape: Shape, axis: int, fresh: int, dtype: DType = DType.INT8
) -> tuple[Push, dict[str, Tensor]]:
    entering = (*shape[:axis], fresh, *shape[axis + 1 :])
    params = quant() if dtype.is_quantized else None
    inputs = tensor("x", shape, dtype, params), tensor("fresh", entering, dtype, params)
    op = Push(inputs=("x", "fresh"), outputs=("y",), axis=axis)
    return op, layer(op, *inputs, params=params)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_oldest_leaves_and_the_newest_enters(case: tuple[Shape, int, int]) -> None:
    op, tensors = _layer(*case)
    window, fresh = inputs_of(op, tensors)
    joined = np.concatenate([window, fresh], axis=case[1])
    same(evaluate(op, tensors, [window, fresh]), [np.split(joined, [case[2]], axis=case[1])[1]])


@pytest.mark.parametrize("dtype", [DType.INT8, DType.INT16, DType.INT64, DType.BOOL, DType.FLOAT32])
@pytest.mark.parametrize("case", CASES[1:4], ids=str)
def test_kernel(case: tuple[Shape, int, int], dtype: DType) -> None:
    check_kernel(*_layer(*case, dtype), "push")


def test_kernel_of_every_shape() -> None:
    for case in CASES:
        check_kernel(*_layer(*case), "push")


@pytest.mark.parametrize(("fresh", "axis"), [((1, 6, 4), 1), ((1, 2, 3), 1), ((2, 4), 1)])
def test_what_does_not_fit_is_refused(fresh: Shape, axis: int) -> None:
    x, newest = tensor("x", (1, 5, 4), params=quant()), tensor("fresh", fresh, params=quant())
    op = Push(inputs=("x", "fresh"), outputs=("y",), axis=axis)
    with pytest.raises(ModelError, match="enters a window of"):
        evaluate(op, layer(op, x, newest, params=quant()), [np.zeros((1, 5, 4), np.int8)] * 2)
