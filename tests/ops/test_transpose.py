"""Transpose: every order of dimensions, any type."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.transpose import Transpose
from tests.ops.movement import (
    CODES,
    DTYPES,
    check_kernel,
    evaluate,
    inputs_of,
    layer,
    litert,
    quant,
    same,
    tensor,
)


def _transpose(*perm: int) -> Transpose:
    return Transpose(inputs=("x",), outputs=("y",), perm=perm)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("perm", [(0, 3, 1, 2), (3, 2, 1, 0), (1, 0, 2, 3)])
def test_equals_litert(perm: tuple[int, ...], dtype: DType) -> None:
    op = _transpose(*perm)
    tensors = layer(op, tensor("x", (2, 3, 4, 5), dtype, quant()), params=quant(0.25))
    arrays = inputs_of(op, tensors)
    operands = [0, np.array(perm, np.int32)]
    expected = litert("TRANSPOSE", arrays, [tensors["y"]], operands, [quant()], TransposeOptions={})
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("perm", list(itertools.permutations(range(3))))
def test_kernel_of_every_order(perm: tuple[int, ...]) -> None:
    op = _transpose(*perm)
    check_kernel(op, layer(op, tensor("x", (5, 9, 17))), "strided_copy")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_of_every_type(dtype: DType) -> None:
    op = _transpose(0, 2, 1, 3)
    check_kernel(op, layer(op, tensor("x", (2, 3, 4, 3), dtype)), "strided_copy")
    op = _transpose(1, 0)
    check_kernel(op, layer(op, tensor("x", (7, 8), dtype)), "strided_copy")


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1), (1, 16, 1), (2, 1, 33, 1, 2)])
def test_kernel_with_dimensions_of_one(shape: tuple[int, ...]) -> None:
    op = _transpose(*reversed(range(len(shape))))
    check_kernel(op, layer(op, tensor("x", shape)), "strided_copy")


@given(st.data())
def test_order_is_kept_exactly_when_elements_stay(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=5)))
    op = _transpose(*data.draw(st.permutations(range(len(shape)))))
    x = np.arange(np.prod(shape)).reshape(shape)
    stays = bool((x.transpose(op.perm).ravel() == x.ravel()).all())
    io = Operands((tensor("x", shape),), (tensor("y", shape),))
    assert op.keeps_order(io) == stays


@pytest.mark.parametrize("perm", [(0,), (0, 0), (0, 2), (1, -2), (0, 1, 2)])
def test_orders_that_are_none_are_refused(perm: tuple[int, ...]) -> None:
    io = Operands((tensor("x", (2, 3)),), (tensor("y", (2, 3)),))
    with pytest.raises(ModelError, match="does not order"):
        _transpose(*perm).check(io)
