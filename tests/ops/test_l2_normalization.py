from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.quant import ROUNDINGS
from edgeq.ir.types import DType
from edgeq.ops.l2_normalization import L2Normalization
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, evaluate, random_codes
from tests.ops.pairs import float_answer, rounded

OP = L2Normalization(inputs=("a",), outputs=("y",))


def test_kernel_of_every_length_and_rounding() -> None:
    rng = np.random.default_rng(1)
    cases = []
    for number, length in enumerate((1, 2, 3, 16, 17, 300, 64, 5)):
        x = coded("a", (7, length), scale=0.3, zero=(-128, 127, 0, 5)[number % 4])
        y = coded("y", (7, length), scale=1 / 128)
        op = L2Normalization(inputs=("a",), outputs=("y",), unsigned=number % 2 == 1)
        for rounding in ROUNDINGS:
            codes = random_codes(rng, x)
            codes[1] = x.zero_point
            cases.append(
                Case(
                    op,
                    by_name(x, y),
                    [[codes]],
                    "portable/l2_normalization_s8",
                    rounded(rounding),
                )
            )
    check_layers(cases, PORTABLE)


def test_whole_numbers() -> None:
    tensors = [coded("a", (3, 2), zero=1), coded("y", (3, 2), scale=1 / 128)]
    got = evaluate(OP, tensors, [np.array([[4, 5], [1, 1], [-128, 1]], np.int8)])
    assert got.tolist() == [[77, 102], [0, 0], [-128, 0]]


def test_float() -> None:
    assert float_answer(OP, (3, 4)) == pytest.approx([0.6, 0.8], rel=2**-22)
    assert float_answer(OP, (0, 0)) == [0, 0]


def test_refusals() -> None:
    with pytest.raises(ModelError, match=r"l2_normalization needs 0\.0078125 and 0"):
        one_op_graph(OP, by_name(coded("a", (2,)), coded("y", (2,), scale=0.5)))
    long = coded("a", (1 << 17,)), coded("y", (1 << 17,), scale=1 / 128)
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(OP, by_name(*long))
    unsigned = coded("y", (2,), DType.UINT8, 1 / 128, 0)
    with pytest.raises(ModelError, match="and 128"):
        one_op_graph(OP, by_name(coded("a", (2,), DType.UINT8), unsigned))
