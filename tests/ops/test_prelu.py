from __future__ import annotations

import pytest

from edgeq.errors import ModelError
from edgeq.ops.prelu import Prelu
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.pairs import SHAPES, check_pairs, float_answer

OP = Prelu(inputs=("a", "b"), outputs=("y",))


def test_kernel_of_every_shape_and_rounding() -> None:
    shapes = (
        *SHAPES[:3],
        ((2, 3, 4, 5), (1, 1, 1, 1)),
        ((2, 3, 5, 6), (1, 1, 6)),
        ((6, 5), (6, 1)),
    )
    scales = ((0.1, 0.01, 0.11), (0.3, 0.02, 0.05))
    check_pairs(OP, "portable/prelu_s8", scales=scales, shapes=shapes)


def test_float_slopes() -> None:
    assert float_answer(OP, (-3, 2, 0), (0.5, 0.5, 9)) == [-1.5, 2, 0]


def test_slopes_that_are_larger_than_the_input() -> None:
    found = by_name(coded("a", (3,)), coded("b", (2, 3)), coded("y", (2, 3)))
    with pytest.raises(ModelError, match="slopes and input"):
        one_op_graph(OP, found)
