from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ops.batch_matmul import BatchMatmul
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, random_codes
from tests.ops.pairs import rounded

PRODUCTS: tuple[tuple[Shape, Shape, int, int, int], ...] = (
    ((), (), 1, 1, 1),
    ((1,), (1,), 3, 17, 2),
    ((2,), (2,), 2, 16, 5),
    ((2, 1), (1, 3), 2, 3, 4),
    ((2, 3), (3,), 1, 5, 3),
    ((), (4,), 2, 2, 2),
)


def _op(a: bool = False, b: bool = False) -> BatchMatmul:
    return BatchMatmul(inputs=("a", "b"), outputs=("y",), transpose_a=a, transpose_b=b)


def test_kernel_of_every_shape_and_rounding() -> None:
    rng = np.random.default_rng(1)
    cases = []
    for number, (batch_a, batch_b, m, k, n) in enumerate(PRODUCTS * 4):
        first, second = bool(number // 6 & 1), bool(number // 12)
        op = _op(first, second)
        zeros = ((-128, 127, 0), (127, -128, -128), (0, 3, 127))[number % 3]
        a = coded("a", (*batch_a, *((k, m) if first else (m, k))), scale=0.1, zero=zeros[0])
        b = coded("b", (*batch_b, *((n, k) if second else (k, n))), scale=0.2, zero=zeros[1])
        shape = (*np.broadcast_shapes(batch_a, batch_b), m, n)
        y = coded("y", shape, scale=3.0, zero=zeros[2])
        runs = [[random_codes(rng, a), random_codes(rng, b)] for _ in range(2)]
        rounding = list(Rounding)[number % 4]
        kernel = "portable/batch_matmul_s8"
        cases.append(Case(op, by_name(a, b, y), runs, kernel, rounded(rounding)))
    check_layers(cases, PORTABLE)


def test_float_products() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(-4, 4, (2, 3, 4)), rng.integers(-4, 4, (5, 4))
    found = [coded(n, v.shape, DType.FLOAT32) for n, v in (("a", a), ("b", b))]
    y = coded("y", (2, 3, 5), DType.FLOAT32)
    arrays = [each.astype(np.float32) for each in (a, b)]
    (got,) = _op(b=True).evaluate_float(Operands(tuple(found), (y,)), arrays)
    np.testing.assert_array_equal(got, (a @ b.T).astype(np.float32))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((3,), (3, 2), "expected a matrix"),
        ((2, 3), (4, 2), "rows of 3 times columns of 4"),
        ((2, 1, 3), (3, 3, 1), "do not broadcast"),
    ],
)
def test_refusals(a: Shape, b: Shape, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        one_op_graph(_op(), by_name(coded("a", a), coded("b", b), coded("y", (2, 2))))


def test_a_sum_that_leaves_32_bits() -> None:
    a, b = coded("a", (1, 1 << 18), zero=-128), coded("b", (1 << 18, 1), zero=127)
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(_op(), by_name(a, b, coded("y", (1, 1))))
