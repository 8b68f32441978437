from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.neg import Neg
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import by_name, coded, evaluate
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table


def test_kernel_of_every_code() -> None:
    check_table([Neg(inputs=("x",), outputs=("y",), raw=raw) for raw in (False, True)])


def test_whole_numbers() -> None:
    tensors = [coded("a", (4,), scale=0.5, zero=-2), coded("y", (4,), scale=1.0, zero=10)]
    codes = np.array([-128, -4, -2, 100], np.int8)
    got = evaluate(Neg(inputs=("a",), outputs=("y",)), tensors, [codes])
    assert got.tolist() == [73, 11, 10, -41]
    got = evaluate(Neg(inputs=("a",), outputs=("y",), raw=True), tensors, [codes])
    assert got.tolist() == [-128, 4, 2, -100]


def test_float() -> None:
    assert float_answer(Neg(inputs=("a",), outputs=("y",)), (-3, 2, 0)) == [3, -2, 0]


def test_uint8_codes_are_never_negated_as_they_are() -> None:
    found = by_name(coded("a", (3,), DType.UINT8), coded("y", (3,), DType.UINT8))
    with pytest.raises(ModelError, match="as they are"):
        one_op_graph(Neg(inputs=("a",), outputs=("y",), raw=True), found)
