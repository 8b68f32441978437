from __future__ import annotations

import math

import numpy as np
import pytest

from edgeq.ops.sqrt import Sqrt
from tests.ops.curves import check_litert
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table

OP = Sqrt(inputs=("x",), outputs=("y",))


def test_kernel_of_every_code() -> None:
    check_table([OP])


def test_every_code_equals_litert() -> None:
    check_litert(OP, "SQRT", wide=False, least=True)


def test_below_zero_is_as_zero() -> None:
    tensors = [coded("x", (3,), scale=0.25, zero=-2), coded("y", (3,), scale=0.25, zero=-20)]
    codes = np.array([-128, -2, 2], np.int8)
    assert evaluate(OP, tensors, [codes]).tolist() == [-20, -20, -16]


def test_float() -> None:
    got = float_answer(Sqrt(inputs=("a",), outputs=("y",)), (0.25, 3, 0))
    assert got == pytest.approx([0.5, math.sqrt(3), 0], rel=2**-23)
