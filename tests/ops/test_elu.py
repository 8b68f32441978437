from __future__ import annotations

import math

import pytest

from edgeq.ops.elu import Elu
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table


def test_kernel_of_every_code() -> None:
    check_table([Elu(inputs=("x",), outputs=("y",))])


def test_float() -> None:
    got = float_answer(Elu(inputs=("a",), outputs=("y",)), (-1, 2, 0))
    assert got == pytest.approx([math.exp(-1) - 1, 2, 0], rel=2**-23)  # one rounding to float32
