from __future__ import annotations

import math

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ops.leaky_relu import LeakyRelu
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import by_name, coded, evaluate
from tests.ops.pairs import float_answer
from tests.ops.tables import check_table


def leaky(alpha: float) -> LeakyRelu:
    return LeakyRelu(inputs=("a",), outputs=("y",), alpha=alpha)


def test_kernel_of_every_code() -> None:
    slopes = (0.0, 0.2, 1.5, -0.5)
    check_table([LeakyRelu(inputs=("x",), outputs=("y",), alpha=alpha) for alpha in slopes])


def test_whole_numbers() -> None:
    tensors = [coded("a", (4,), scale=0.5), coded("y", (4,), scale=0.5, zero=10)]
    got = evaluate(leaky(0.25), tensors, [np.array([-128, -4, 0, 100], np.int8)])
    assert got.tolist() == [-22, 9, 10, 110]
    got = evaluate(leaky(-0.25), tensors, [np.array([-128, -4, 0, 100], np.int8)])
    assert got.tolist() == [42, 11, 10, 110]


def test_float() -> None:
    assert float_answer(leaky(0.5), (-3, 2, 0)) == [-1.5, 2, 0]


def test_a_slope_that_is_no_number() -> None:
    with pytest.raises(ModelError, match="alpha is nan"):
        one_op_graph(leaky(math.nan), by_name(coded("a", (3,)), coded("y", (3,))))
