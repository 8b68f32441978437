from __future__ import annotations

import math

import pytest

from edgeq.ops.log import Log
from tests.ops.curves import check_lines, check_litert
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table

OP = Log(inputs=("x",), outputs=("y",))


def test_kernel_of_every_code() -> None:
    check_table([OP])
    check_lines([OP])


def test_every_code_equals_litert() -> None:
    check_litert(OP, "LOG")


def test_float() -> None:
    got = float_answer(Log(inputs=("a",), outputs=("y",)), (0.5, 3, 1))
    assert got == pytest.approx([math.log(0.5), math.log(3), 0], rel=2**-23)
