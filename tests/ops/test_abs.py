from __future__ import annotations

import numpy as np

from edgeq.ops.abs import Abs
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table


def test_kernel_of_every_code() -> None:
    check_table([Abs(inputs=("x",), outputs=("y",))])


def test_whole_numbers() -> None:
    op = Abs(inputs=("a",), outputs=("y",))
    tensors = [coded("a", (4,), scale=0.5, zero=-2), coded("y", (4,), scale=1.0, zero=-100)]
    got = evaluate(op, tensors, [np.array([-128, -4, -2, 100], np.int8)])
    assert got.tolist() == [-37, -99, -100, -49]


def test_float() -> None:
    assert float_answer(Abs(inputs=("a",), outputs=("y",)), (-3, 2, 0)) == [3, 2, 0]
