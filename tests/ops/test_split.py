"""Split: pieces along one dimension, any type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.split import Split
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


def _split(axis: int, *sizes: int, count: int = 0) -> Split:
    outputs = tuple(f"y{i}" for i in range(count or len(sizes)))
    return Split(inputs=("x",), outputs=outputs, axis=axis, sizes=sizes)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("axis", [0, 1, 3])
def test_equal_pieces_equal_litert(axis: int, dtype: DType) -> None:
    op = _split(axis, count=2)
    tensors = layer(op, tensor("x", (2, 4, 3, 6), dtype, quant()), params=quant(0.25))
    arrays = inputs_of(op, tensors)
    outputs = [tensors[name] for name in op.outputs]
    operands = [np.array(axis, np.int32), 0]
    options = {"num_splits": 2}
    expected = litert("SPLIT", arrays, outputs, operands, [quant()], SplitOptions=options)
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("axis", [0, 2])
def test_explicit_sizes_equal_litert(axis: int) -> None:
    op = _split(axis, 1, 4, 2)
    tensors = layer(op, tensor("x", (7, 3, 7), params=quant()), params=quant())
    arrays = inputs_of(op, tensors)
    outputs = [tensors[name] for name in op.outputs]
    operands = [0, np.array(op.sizes, np.int32), np.array(axis, np.int32)]
    options = {"num_splits": 3}
    expected = litert("SPLIT_V", arrays, outputs, operands, [quant()], SplitVOptions=options)
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_kernel_along_every_axis(axis: int) -> None:
    op = _split(axis, 1, 8, 8)
    check_kernel(op, layer(op, tensor("x", (17, 17, 17))), "split")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_of_every_type(dtype: DType) -> None:
    for axis, shape in ((0, (9, 3)), (1, (3, 9))):
        op = _split(axis, 2, 7)
        check_kernel(op, layer(op, tensor("x", shape, dtype)), "split")


def test_kernel_with_one_piece() -> None:
    op = _split(1, 5)
    check_kernel(op, layer(op, tensor("x", (2, 5))), "split")


@given(st.data())
def test_parts_are_the_same_bytes(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    axis = data.draw(st.integers(0, len(shape) - 1))
    first = data.draw(st.integers(1, shape[axis]))
    sizes = (first, shape[axis] - first) if first < shape[axis] else (first,)
    op = _split(axis, *sizes)
    tensors = layer(op, tensor("x", shape, DType.INT16))
    x = np.arange(tensors["x"].elements, dtype=np.int16).reshape(shape)
    pieces = evaluate(op, tensors, [x])
    parts = op.parts(Operands((tensors["x"],), tuple(tensors[name] for name in op.outputs)))
    assert (parts is not None) == (set(shape[:axis]) <= {1})
    if parts is not None:
        assert [parts[0], *(name for name, _ in parts[1])] == ["x", *op.outputs]
        for piece, (_, offset) in zip(pieces, parts[1], strict=True):
            assert x.tobytes()[offset : offset + piece.nbytes] == piece.tobytes()


@pytest.mark.parametrize(
    ("axis", "sizes", "count"),
    [
        (2, (), 2),
        (-1, (), 2),
        (0, (), 4),
        (0, (2, 2), 2),
        (0, (6, 0), 2),
        (0, (7, -1), 2),
        (0, (2, 4), 3),
        (0, (), 7),
    ],
)
def test_pieces_that_do_not_fit_are_refused(axis: int, sizes: tuple[int, ...], count: int) -> None:
    outs = tuple(tensor(f"y{i}", (1,)) for i in range(count))
    with pytest.raises(ModelError):
        _split(axis, *sizes, count=count).check(Operands((tensor("x", (6, 3)),), outs))
