from __future__ import annotations

import pytest

from edgeq.errors import ModelError, QuantizationError
from edgeq.ops.activation import Activation
from edgeq.ops.sub import Sub
from tests.kernel_harness import PORTABLE, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded
from tests.ops.pairs import check_pairs, constant_case, float_answer


def sub(activation: Activation = Activation.NONE) -> Sub:
    return Sub(inputs=("a", "b"), outputs=("y",), activation=activation)


def test_kernel_of_every_shape_and_rounding() -> None:
    check_pairs(sub(Activation.RELU6), "portable/sub_s8", scales=((0.1, 0.3, 0.61), (1, 2**-23, 3)))


def test_a_constant_from_which_codes_are_taken() -> None:
    check_layers([constant_case(sub(), "portable/sub_s8", first=True)], PORTABLE)


def test_float_difference() -> None:
    assert float_answer(sub(Activation.RELU), (-3, 1, 5), (1, 0.25, 7)) == [0, 0.75, 0]


def test_an_output_scale_that_leaves_32_bits() -> None:
    found = by_name(*(coded(name, (4,)) for name in "ab"), coded("y", (4,), scale=2**-24))
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(sub(), found)


def test_shapes_that_do_not_broadcast() -> None:
    found = by_name(coded("a", (4,)), coded("b", (3,)), coded("y", (4,)))
    with pytest.raises(ModelError, match="do not broadcast"):
        one_op_graph(sub(), found)
