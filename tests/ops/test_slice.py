"""Slice: boxes and strided boxes, any type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ops.slice import Slice
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

X: Shape = (2, 5, 6, 4)
BOXES: list[tuple[Shape, Shape, Shape]] = [
    ((0, 0, 0, 0), (2, 5, 6, 4), ()),
    ((1, 2, 0, 0), (1, 3, 6, 4), ()),
    ((0, 1, 2, 1), (2, 3, 3, 2), ()),
    ((0, 0, 0, 3), (2, 5, 6, 1), ()),
    ((0, 1, 1, 0), (2, 2, 3, 4), (1, 2, 2, 1)),
    ((1, 0, 0, 0), (1, 2, 1, 2), (1, 4, 5, 2)),
    ((1, 4, 5, 3), (2, 5, 6, 4), (-1, -1, -1, -1)),
    ((0, 4, 1, 3), (2, 2, 2, 2), (1, -3, 2, -2)),
]


def _slice(begin: Shape, size: Shape, strides: Shape = ()) -> Slice:
    return Slice(inputs=("x",), outputs=("y",), begin=begin, size=size, strides=strides)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("box", BOXES)
def test_equals_litert(box: tuple[Shape, Shape, Shape], dtype: DType) -> None:
    op = _slice(*box)
    tensors = layer(op, tensor("x", X, dtype, quant()), params=quant(0.25))
    arrays = inputs_of(op, tensors)
    ends = [b + n * s for b, n, s in zip(op.begin, op.size, op.steps, strict=True)]
    # Backwards and to the first: an end of -1 would be the last.
    mask = sum(1 << axis for axis, end in enumerate(ends) if end < 0)
    operands = [0, *(np.array(v, np.int32) for v in (op.begin, ends, op.steps))]
    options = {"StridedSliceOptions": {"end_mask": mask}}
    expected = litert("STRIDED_SLICE", arrays, [tensors["y"]], operands, [quant()], **options)
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("box", BOXES)
def test_kernel_of_every_box(box: tuple[Shape, Shape, Shape]) -> None:
    op = _slice(*box)
    check_kernel(op, layer(op, tensor("x", X)), "strided_copy")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_of_every_type(dtype: DType) -> None:
    op = _slice((1, 0), (4, 3), (2, 1))
    check_kernel(op, layer(op, tensor("x", (9, 5), dtype)), "strided_copy")
    op = _slice((1,), (8,), (2,))
    check_kernel(op, layer(op, tensor("x", (17,), dtype)), "strided_copy")


@st.composite
def _layers(draw: st.DrawFn) -> tuple[Slice, dict[str, Tensor]]:
    shape, begin, size, strides = [], [], [], []
    for _ in range(draw(st.integers(1, 4))):
        extent = draw(st.integers(1, 5))
        first = draw(st.integers(0, extent - 1))
        step = draw(st.integers(-3, 3).filter(bool))
        shape.append(extent)
        begin.append(first)
        strides.append(step)
        room = extent - 1 - first if step > 0 else first
        size.append(draw(st.integers(1, room // abs(step) + 1)))
    op = _slice(tuple(begin), tuple(size), tuple(strides))
    return op, layer(op, tensor("x", tuple(shape), DType.INT32))


@given(_layers())
def test_a_part_is_the_same_bytes_and_not_small(layer_: tuple[Slice, dict[str, Tensor]]) -> None:
    op, tensors = layer_
    io = Operands((tensors["x"],), (tensors["y"],))
    x = np.arange(tensors["x"].elements, dtype=np.int32).reshape(tensors["x"].shape)
    (y,) = evaluate(op, tensors, [x])
    parts = op.parts(io)
    run = bool((np.diff(y.ravel()) == 1).all())
    if parts is None:
        assert not run or 2 * y.size < x.size or set(op.steps) != {1}
    else:
        whole, ((name, offset),) = parts
        assert (whole, name, 2 * y.size >= x.size) == ("x", "y", True)
        assert x.tobytes()[offset : offset + y.nbytes] == y.tobytes()


@pytest.mark.parametrize(
    ("begin", "size", "strides"),
    [
        ((0,), (4,), ()),
        ((-1,), (2,), ()),
        ((3,), (1,), ()),
        ((0,), (0,), ()),
        ((0,), (-1,), ()),
        ((0,), (2,), (3,)),
        ((0,), (1,), (0,)),
        ((0,), (2,), (-1,)),
        ((0, 0), (1, 1), ()),
        ((0,), (1,), (1, 1)),
    ],
)
def test_boxes_outside_are_refused(begin: Shape, size: Shape, strides: Shape) -> None:
    io = Operands((tensor("x", (3,)),), (tensor("y", size),))
    with pytest.raises(ModelError):
        _slice(begin, size, strides).check(io)
