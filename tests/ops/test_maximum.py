from __future__ import annotations

import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.maximum import Maximum
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.movement import DTYPES, layer, tensor, values
from tests.ops.pairs import SHAPES, constant_case, float_answer, pair_case

OP = Maximum(inputs=("a", "b"), outputs=("y",))


def test_kernel_of_every_shape_and_type() -> None:
    cases = [pair_case(OP, each, "portable/maximum") for each in SHAPES]
    cases += [constant_case(OP, "portable/lookup_s8", first=first) for first in (False, True)]
    for dtype in DTYPES:
        tensors = layer(OP, tensor("a", (3, 7), dtype), tensor("b", (7,), dtype))
        runs = [[values(dtype, (3, 7), s), values(dtype, (7,), s + 9)] for s in range(2)]
        cases.append(Case(OP, tensors, runs, "portable/maximum"))
    check_layers(cases, PORTABLE)


def test_float() -> None:
    assert float_answer(OP, (-3, 7), (1, 0.25)) == [1, 7]


def test_refusals() -> None:
    mixed = by_name(coded("a", (3,)), coded("b", (3,), DType.UINT8), coded("y", (3,)))
    with pytest.raises(ModelError, match="is uint8, expected int8"):
        one_op_graph(OP, mixed)
    apart = by_name(coded("a", (3,)), coded("b", (2,)), coded("y", (3,)))
    with pytest.raises(ModelError, match="do not broadcast"):
        one_op_graph(OP, apart)
