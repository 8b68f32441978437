"""Pack: stacking along a new dimension, any type."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType
from edgeq.ops.pack import Pack
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
    values,
)


def _pack(axis: int, count: int = 3) -> Pack:
    return Pack(inputs=tuple(f"x{i}" for i in range(count)), outputs=("y",), axis=axis)


def _inputs(count: int, shape: tuple[int, ...], dtype: DType = DType.INT8) -> list[Tensor]:
    params = quant() if dtype.is_quantized else None
    return [tensor(f"x{i}", shape, dtype, params) for i in range(count)]


@pytest.mark.parametrize("dtype", [*CODES, DType.INT32, DType.FLOAT32])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_equals_litert(axis: int, dtype: DType) -> None:
    op = _pack(axis)
    params = quant() if dtype.is_quantized else None
    tensors = layer(op, *_inputs(3, (2, 5), dtype), params=params)
    arrays = inputs_of(op, tensors)
    options = {"values_count": 3, "axis": axis}
    expected = litert("PACK", arrays, [tensors["y"]], [0, 1, 2], [params] * 3, PackOptions=options)
    same(evaluate(op, tensors, arrays), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_of_every_type(dtype: DType) -> None:
    for axis in (0, 1):
        op = _pack(axis)
        params = quant() if dtype.is_quantized else None
        check_kernel(op, layer(op, *_inputs(3, (7,), dtype), params=params), "concat")


def test_kernel_with_a_constant_and_a_repeated_input() -> None:
    x = tensor("x", (4,), DType.INT32)
    c = Tensor("c", (4,), DType.INT32, data=values(DType.INT32, (4,), 9))
    for axis in (0, 1):
        op = Pack(inputs=("x", "c", "x"), outputs=("y",), axis=axis)
        io = Operands((x, c, x), (tensor("y", (), DType.INT32),))
        tensors = {"x": x, "c": c, "y": tensor("y", op.shapes(io)[0], DType.INT32)}
        check_kernel(op, tensors, "concat")


def test_parts_lie_one_after_the_other_along_a_first_dimension() -> None:
    xs = tuple(_inputs(2, (1, 4), DType.INT16))
    y = (tensor("y", (), DType.INT16, quant()),)
    assert _pack(0, 2).parts(Operands(xs, y)) == ("y", (("x0", 0), ("x1", 8)))
    assert _pack(1, 2).parts(Operands(xs, y)) == ("y", (("x0", 0), ("x1", 8)))
    assert _pack(2, 2).parts(Operands(xs, y)) is None


@pytest.mark.parametrize("zero", [0, 3])
@pytest.mark.parametrize("scale", [0.5, 0.25])
def test_other_codes_are_refused_as_litert_refuses_them(scale: float, zero: int) -> None:
    op = _pack(0, 1)
    x, y = tensor("x0", (2,), params=quant()), tensor("y", (1, 2), params=quant(scale, zero))
    arrays = [np.zeros(2, np.int8)]

    def run() -> None:
        litert("PACK", arrays, [y], [0], [quant()], PackOptions={"values_count": 1})

    if (scale, zero) == (0.5, 0):
        run()
        op.check(Operands((x,), (y,)))
        return
    with pytest.raises(RuntimeError, match="failed to prepare"):
        run()
    with pytest.raises(ModelError, match="not that of the output"):
        op.check(Operands((x,), (y,)))


def test_other_shapes_types_and_axes_are_refused() -> None:
    x = tensor("x0", (2,), DType.INT32)
    for other in (tensor("x1", (3,), DType.INT32), tensor("x1", (2,), DType.INT64)):
        with pytest.raises(ModelError):
            _pack(0, 2).check(Operands((x, other), (tensor("y", (2, 2), DType.INT32),)))
    for axis in (-1, 2):
        with pytest.raises(ModelError, match="axis"):
            _pack(axis, 1).check(Operands((x,), (tensor("y", (1, 2), DType.INT32),)))
