"""Reshape: the same bytes under another shape, whatever the scales say."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.ops.reshape import Reshape
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


def _reshape(shape: Shape) -> Reshape:
    return Reshape(inputs=("x",), outputs=("y",), shape=shape)


@pytest.mark.parametrize("dtype", CODES)
def test_codes_are_copied_as_litert_does_even_between_scales(dtype: DType) -> None:
    op = _reshape((3, 8))
    tensors = layer(op, tensor("x", (2, 3, 4), dtype, quant(0.5)), params=quant(0.25))
    arrays = inputs_of(op, tensors)
    new = np.array([3, 8], np.int32)
    expected = litert(
        "RESHAPE", arrays, [tensors["y"]], [0, new], [quant()], version=1, ReshapeOptions={}
    )
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_between_ports(dtype: DType) -> None:
    op = _reshape((17, 1, 3))
    check_kernel(op, layer(op, tensor("x", (3, 17), dtype)), "reshape")


def test_scalars_have_one_element() -> None:
    op = _reshape(())
    check_kernel(op, layer(op, tensor("x", (1, 1))), "reshape")


@pytest.mark.parametrize("shape", [(5,), (-2, -3), (2, -3), (0,), (6, 1, 2)])
def test_other_element_counts_are_refused(shape: Shape) -> None:
    io = Operands((tensor("x", (2, 3)),), (tensor("y", shape),))
    with pytest.raises(ModelError, match="cannot become"):
        _reshape(shape).check(io)


def test_types_must_not_change() -> None:
    io = Operands((tensor("x", (2,), DType.INT8),), (tensor("y", (2,), DType.UINT8),))
    with pytest.raises(ModelError, match="uint8"):
        _reshape((2,)).check(io)


def test_flip_needs_all_codes_or_none() -> None:
    op = _reshape((2,))
    known, unknown = (tensor("t", (2,), DType.UINT8, q) for q in (quant(), None))
    assert op.flipped(Operands((known,), (known,))) is op
    assert op.flipped(Operands((unknown,), (unknown,))) is op
    assert op.flipped(Operands((known,), (unknown,))) is None
