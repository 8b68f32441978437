from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.ops.compare import Compare, Relation
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, evaluate, every_pair
from tests.ops.movement import layer, tensor, values
from tests.ops.pairs import SHAPES, constant_case, float_answer, pair_case

BOOL = (DType.INT8, DType.BOOL)


def compare(relation: Relation) -> Compare:
    return Compare(inputs=("a", "b"), outputs=("y",), relation=relation)


def test_kernel_of_codes() -> None:
    kernel, less = "portable/compare_codes", compare(Relation.LESS)
    cases = [pair_case(less, each, kernel, dtypes=BOOL) for each in SHAPES]
    cases += [
        constant_case(less, "portable/lookup_s8", first=first, y=DType.BOOL)
        for first in (False, True)
    ]
    for number, relation in enumerate(Relation):
        case = pair_case(
            compare(relation),
            ((256, 256), (256, 256)),
            kernel,
            dtypes=BOOL,
            scales=((0.3, 0.29, 1.0), (0.001, 0.002, 1.0))[number % 2],
            rounding=list(Rounding)[number % 4],
        )
        cases.append(replace(case, runs=[every_pair()] * 2))
    check_layers(cases, PORTABLE)


def test_kernel_of_numbers() -> None:
    cases = []
    for relation in Relation:
        for dtype in (DType.INT16, DType.INT32, DType.INT64, DType.BOOL, DType.FLOAT32):
            op = compare(relation)
            tensors = layer(op, tensor("a", (3, 7), dtype), tensor("b", (7,), dtype))
            tensors["y"] = replace(tensors["y"], dtype=DType.BOOL)
            runs = [[values(dtype, (3, 7), s), values(dtype, (7,), s)] for s in range(2)]
            runs[1][0][0] = runs[1][1]
            cases.append(Case(op, tensors, runs, "portable/compare"))
    check_layers(cases, PORTABLE)


def test_neighbouring_codes_of_a_small_scale_are_equal() -> None:
    tensors = [coded(n, (3,), scale=0.001) for n in "ab"] + [coded("y", (3,), DType.BOOL)]
    a, b = np.array([0, 0, 0], np.int8), np.array([0, 1, 127], np.int8)
    assert evaluate(compare(Relation.EQUAL), tensors, [a, b]).tolist() == [True, True, False]


def test_float() -> None:
    got = float_answer(compare(Relation.GREATER_EQUAL), (1, 2, 3), (2, 2, 2), y=DType.BOOL)
    assert got == [False, True, True]


@pytest.mark.parametrize(
    ("first", "second", "y", "message"),
    [
        (DType.INT8, DType.UINT8, DType.BOOL, "compares int8 with uint8"),
        (DType.INT8, DType.INT8, DType.INT8, "output is int8, expected bool"),
    ],
)
def test_refusals(first: DType, second: DType, y: DType, message: str) -> None:
    found = by_name(coded("a", (3,), first), coded("b", (3,), second), coded("y", (3,), y))
    with pytest.raises(ModelError, match=message):
        one_op_graph(compare(Relation.LESS), found)
