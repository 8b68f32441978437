from __future__ import annotations

import math

import pytest

from edgeq.ops.gelu import Gelu
from tests.ops.curves import check_lines, check_litert
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table


def test_kernel_of_every_code() -> None:
    ops = [Gelu(inputs=("x",), outputs=("y",), approximate=form) for form in (False, True)]
    check_table(ops)
    check_lines(ops)


@pytest.mark.parametrize("form", [False, True])
def test_every_code_equals_litert(form: bool) -> None:
    op = Gelu(inputs=("x",), outputs=("y",), approximate=form)
    check_litert(op, "GELU", options={"GeluOptions": {"approximate": form}})


def test_float() -> None:
    got = float_answer(Gelu(inputs=("a",), outputs=("y",)), (-1, 2, 0))
    exact = [-0.5 * math.erfc(math.sqrt(0.5)), 1 + math.erf(math.sqrt(2)), 0]
    assert got == pytest.approx(exact, rel=2**-22)  # roundings to float32
    near = float_answer(Gelu(inputs=("a",), outputs=("y",), approximate=True), (-1, 2, 0))
    assert near == pytest.approx(exact, abs=1e-3) and near != got
