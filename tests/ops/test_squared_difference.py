from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ops.squared_difference import SquaredDifference
from tests.kernel_harness import PORTABLE, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, evaluate
from tests.ops.pairs import check_pairs, constant_case, float_answer

OP = SquaredDifference(inputs=("a", "b"), outputs=("y",))


def test_kernel_of_every_shape_and_rounding() -> None:
    scales = ((0.1, 0.3, 9.0), (0.25, 0.25, 2.0))
    check_pairs(OP, "portable/squared_difference_s8", scales=scales)
    check_layers([constant_case(OP, "portable/lookup_s8", first=True)], PORTABLE)


def test_whole_numbers() -> None:
    tensors = [coded(name, (5,), scale=0.5) for name in "aby"]
    a, b = np.array([0, 3, -4, 8, 127], np.int8), np.array([0, 1, 4, 4, -128], np.int8)
    assert evaluate(OP, tensors, [a, b]).tolist() == [0, 2, 32, 8, 127]


def test_float_squares() -> None:
    assert float_answer(OP, (-3, 1), (1, 0.5)) == [16, 0.25]


def test_an_output_scale_that_leaves_32_bits() -> None:
    found = by_name(*(coded(name, (4,)) for name in "ab"), coded("y", (4,), scale=2**-30))
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(OP, found)
