from __future__ import annotations

import math

import pytest

from edgeq.ops.exp import Exp
from tests.ops.curves import check_lines, check_litert
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table

OP = Exp(inputs=("x",), outputs=("y",))


def test_kernel_of_every_code() -> None:
    check_table([OP])
    check_lines([OP])


def test_every_code_equals_litert() -> None:
    check_litert(OP, "EXP")


def test_float() -> None:
    got = float_answer(Exp(inputs=("a",), outputs=("y",)), (-1, 2, 0))
    assert got == pytest.approx([math.exp(-1), math.exp(2), 1], rel=2**-23)
