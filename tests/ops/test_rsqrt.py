from __future__ import annotations

import math

import numpy as np
import pytest

from edgeq.ops.rsqrt import Rsqrt
from tests.ops.curves import check_lines, check_litert
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table

OP = Rsqrt(inputs=("x",), outputs=("y",))


def test_kernel_of_every_code() -> None:
    check_table([OP])
    check_lines([OP])


def test_every_code_equals_litert() -> None:
    check_litert(OP, "RSQRT", least=True)


def test_below_zero_is_as_zero() -> None:
    tensors = [coded("x", (3,), scale=0.25, zero=-2), coded("y", (3,), scale=0.25, zero=-20)]
    codes = np.array([-128, -2, 2], np.int8)
    assert evaluate(OP, tensors, [codes]).tolist() == [127, 127, -16]


def test_float() -> None:
    got = float_answer(Rsqrt(inputs=("a",), outputs=("y",)), (0.25, 3, 1))
    assert got == pytest.approx([2, 1 / math.sqrt(3), 1], rel=2**-23)
