"""Gather: slices in the order of constant or computed indices, any type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ops.gather import Gather
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.ops.movement import DTYPES, evaluate, tensor, values

GATHERS: list[tuple[Shape, int, Any]] = [
    ((1,), 0, 0),
    ((1,), 0, [0, 0, 0]),
    ((7,), 0, [6, 0, 3]),
    ((3, 4), 0, [[2, 0], [1, 1]]),
    ((3, 4), 1, [3]),
    ((3, 4, 5), 1, [3, 0, 2, 2]),
    ((3, 4, 5), 2, 4),
    ((2, 3, 2, 2), 0, [1, 0, 1]),
]


def _gather(axis: int) -> Gather:
    return Gather(inputs=("x", "i"), outputs=("y",), axis=axis)


def _case(shape: Shape, axis: int, places: Any, dtype: DType, known: bool) -> Case:
    found = np.array(places, np.int32)
    indices = Tensor("i", found.shape, DType.INT32, data=found if known else None)
    op, x = _gather(axis), tensor("x", shape, dtype)
    (y,) = op.shapes(Operands((x, indices), ()))
    tensors = {"x": x, "i": indices, "y": tensor("y", y, dtype)}
    return Case(
        op,
        tensors,
        [[values(dtype, shape, s), *([] if known else [found])] for s in range(2)],
        "portable/gather",
    )


@pytest.mark.parametrize("known", [True, False])
def test_kernel_of_every_shape_and_type(known: bool) -> None:
    cases = [
        _case(*gather, DTYPES[number % len(DTYPES)], known)
        for number, gather in enumerate(GATHERS * 2)
    ]
    for case in cases:
        (y,) = evaluate(case.op, dict(case.tensors), case.runs[0])
        places = np.array(GATHERS[cases.index(case) % len(GATHERS)][2])
        np.testing.assert_array_equal(y, np.take(case.runs[0][0], places, axis=case.op.axis))
    check_layers(cases, PORTABLE)


def test_computed_indices_outside_count_as_the_nearest() -> None:
    case = _case((3, 2), 0, [-1, 3, 2**31 - 1, -(2**31)], DType.INT8, False)
    (y,) = evaluate(case.op, dict(case.tensors), case.runs[0])
    np.testing.assert_array_equal(y, case.runs[0][0][[0, 2, 2, 0]])
    check_layers([case], PORTABLE)


@pytest.mark.parametrize(
    ("axis", "dtype", "places", "message"),
    [
        (1, DType.INT32, [0], "axis 1 of 1"),
        (0, DType.INT32, [3], "an index is not in 0..2"),
        (0, DType.INT64, [-1], "an index is not in 0..2"),
        (0, DType.INT16, [0], "indices are int16"),
        (0, DType.INT64, None, "indices are int64"),
    ],
)
def test_refusals(axis: int, dtype: DType, places: list[int] | None, message: str) -> None:
    data = None if places is None else np.array(places, dtype.numpy)
    indices = Tensor("i", (1,), dtype, data=data)
    with pytest.raises(ModelError, match=message):
        _gather(axis).check(Operands((tensor("x", (3,)), indices), (tensor("y", (1,)),)))
