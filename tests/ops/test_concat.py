"""Concatenation: copies, and LiteRT's rescaling of legacy uint8 inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import profile
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ops.concat import Concat
from tests.kernel_harness import check_layer
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

EVERY_CODE = np.arange(256, dtype=np.uint8).reshape(1, 256)
SCALES = st.floats(2.0**-10, 2.0**6, width=32)
ZEROS = st.integers(0, 255)


def _concat(axis: int, count: int = 2) -> Concat:
    return Concat(inputs=tuple(f"x{i}" for i in range(count)), outputs=("y",), axis=axis)


def _layer(
    axis: int, extents: tuple[int, ...], rest: Shape, dtype: DType = DType.INT8
) -> tuple[Concat, dict[str, Tensor]]:
    params = quant() if dtype.is_quantized else None
    op = _concat(axis, len(extents))
    shapes = [(*rest[:axis], extent, *rest[axis:]) for extent in extents]
    inputs = [tensor(f"x{i}", shape, dtype, params) for i, shape in enumerate(shapes)]
    return op, layer(op, *inputs, params=params)


def _litert(
    axis: int, arrays: list[np.ndarray], y: Tensor, params: list[QuantParams | None]
) -> list[np.ndarray]:
    operands = list(range(len(arrays)))
    options = {"axis": axis}
    return litert("CONCATENATION", arrays, [y], operands, params, ConcatenationOptions=options)


@pytest.mark.parametrize("dtype", [*CODES, DType.INT32, DType.INT64, DType.FLOAT32])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_equals_litert(axis: int, dtype: DType) -> None:
    op, tensors = _layer(axis, (1, 4, 2), (3, 5), dtype)
    arrays = inputs_of(op, tensors)
    expected = _litert(axis, arrays, tensors["y"], [tensors["x0"].quant] * 3)
    same(evaluate(op, tensors, arrays), expected)


def _rescaled(x: QuantParams, y: QuantParams) -> tuple[Concat, dict[str, Tensor]]:
    op = _concat(1)
    inputs = (
        tensor("x0", (1, 256), DType.UINT8, x),
        tensor("x1", (1, 256), DType.UINT8, y),
    )
    return op, layer(op, *inputs, params=y)


@given(SCALES, ZEROS, SCALES, ZEROS)
def test_every_uint8_code_is_rescaled_as_litert_does(
    x_scale: float, x_zero: int, y_scale: float, y_zero: int
) -> None:
    x, y = quant(x_scale, x_zero), quant(y_scale, y_zero)
    op, tensors = _rescaled(x, y)
    arrays = [EVERY_CODE, EVERY_CODE]
    same(evaluate(op, tensors, arrays), _litert(1, arrays, tensors["y"], [x, y]))


@given(SCALES, ZEROS, SCALES, ZEROS)
def test_flip_changes_no_bit(x_scale: float, x_zero: int, y_scale: float, y_zero: int) -> None:
    op, tensors = _rescaled(quant(x_scale, x_zero), quant(y_scale, y_zero))
    (expected,) = evaluate(op, tensors, [EVERY_CODE, EVERY_CODE])
    ins = (tensors["x0"], tensors["x1"])
    flipped = op.flipped(Operands(ins, (tensors["y"],)))
    assert isinstance(flipped, Concat)
    signed = {name: _flip(t) for name, t in tensors.items()}
    codes = (EVERY_CODE ^ 0x80).view(np.int8)
    (got,) = evaluate(flipped, signed, [codes, codes])
    same([got.view(np.uint8) ^ 0x80], [expected])


def _flip(t: Tensor) -> Tensor:
    assert t.quant is not None
    return replace(t, dtype=DType.INT8, quant=quant(t.scale, t.zero_point - 128))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_kernel_along_every_axis(axis: int) -> None:
    check_kernel(*_layer(axis, (1, 8, 17), (9, 7)), "concat")


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_of_every_type(dtype: DType) -> None:
    for axis in (0, 1):
        check_kernel(*_layer(axis, (3, 5), (3,), dtype), "concat")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", [DType.UINT8, DType.INT8])
def test_kernel_rescales(dtype: DType, rows: int) -> None:
    lowest = dtype.min
    params = (quant(0.5, lowest + 3), quant(0.7, lowest + 255), quant(0.04, lowest + 128))
    op = replace(_concat(1, 3), origin=-lowest)
    shape = (rows, 256)
    inputs = [tensor(f"x{i}", shape, dtype, q) for i, q in enumerate(params)]
    tensors = layer(op, *inputs, params=params[1])
    every = np.broadcast_to(np.arange(256) + lowest, shape).astype(dtype.numpy)
    check_layer(op, tensors, [[every] * 3], kernel="portable/concat")


def test_kernel_with_a_constant_and_a_repeated_input() -> None:
    x, c = tensor("x", (1, 4), params=quant()), tensor("c", (1, 4), params=quant())
    c = replace(c, data=values(DType.INT8, (1, 4), 9))
    for axis in (0, 1):
        op = Concat(inputs=("x", "c", "x"), outputs=("y",), axis=axis)
        y = tensor("y", (3, 4) if axis == 0 else (1, 12), params=quant())
        check_kernel(op, {"x": x, "c": c, "y": y}, "concat")


def test_kernel_with_one_input() -> None:
    check_kernel(*_layer(1, (5,), (2,)), "concat")


@given(st.data())
def test_parts_are_the_same_bytes(data: st.DataObject) -> None:
    rest = tuple(data.draw(st.lists(st.integers(1, 3), max_size=3)))
    axis = data.draw(st.integers(0, len(rest)))
    extents = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    op, tensors = _layer(axis, extents, rest, DType.INT16)
    arrays = inputs_of(op, tensors)
    (y,) = evaluate(op, tensors, arrays)
    parts = op.parts(Operands(tuple(tensors[name] for name in op.inputs), (tensors["y"],)))
    assert (parts is not None) == (set(rest[:axis]) <= {1})
    if parts is not None:
        assert [parts[0], *(name for name, _ in parts[1])] == ["y", *op.inputs]
        for x, (_, offset) in zip(arrays, parts[1], strict=True):
            assert y.tobytes()[offset : offset + x.nbytes] == x.tobytes()


def test_rescaled_inputs_are_no_parts() -> None:
    op, tensors = _rescaled(quant(0.5, 1), quant(0.5, 2))
    assert op.parts(Operands((tensors["x0"], tensors["x1"]), (tensors["y"],))) is None


@pytest.mark.parametrize(
    ("dtype", "x", "y", "accepted"),
    [
        (DType.INT8, quant(), quant(), True),
        (DType.INT8, quant(), quant(0.25), False),
        (DType.INT8, quant(), quant(0.5, 1), False),
        (DType.UINT8, quant(), quant(0.25, 3), True),
        (DType.INT16, quant(), quant(0.25), True),
        (DType.INT16, quant(0.5, 1), quant(0.5, 1), False),
    ],
)
def test_other_codes_are_refused_as_litert_refuses_them(
    dtype: DType, x: QuantParams, y: QuantParams, accepted: bool
) -> None:
    op = _concat(0, 1)
    tensors = layer(op, tensor("x0", (2, 2), dtype, x), params=y)
    io = Operands((tensors["x0"],), (tensors["y"],))
    arrays = inputs_of(op, tensors)
    if accepted:
        op.check(io)
        same(evaluate(op, tensors, arrays), _litert(0, arrays, tensors["y"], [x]))
        return
    with pytest.raises(RuntimeError, match="failed to prepare"):
        _litert(0, arrays, tensors["y"], [x])
    with pytest.raises(ModelError):
        op.check(io)


@pytest.mark.parametrize(
    ("axis", "shapes"),
    [
        (2, ((2, 3), (2, 3))),
        (-1, ((2, 3), (2, 3))),
        (0, ((2, 3), (2, 4))),
        (0, ((2, 3), (2, 3, 1))),
        (1, ((2, 3), (2,))),
    ],
)
def test_shapes_that_do_not_fit_are_refused(axis: int, shapes: tuple[Shape, ...]) -> None:
    inputs = tuple(tensor(f"x{i}", shape) for i, shape in enumerate(shapes))
    with pytest.raises(ModelError):
        _concat(axis).check(Operands(inputs, (tensor("y", ()),)))


def test_scales_whose_ratio_is_no_float32_are_refused() -> None:
    op, tensors = _rescaled(quant(2.0**20, 1), quant(2.0**-100, 2))
    io = Operands((tensors["x0"], tensors["x1"]), (tensors["y"],))
    with pytest.raises(QuantizationError, match="are too far apart"):
        op.lower(io, profile("gemmlowp"))


def test_lowering_keeps_tables_only_where_codes_differ() -> None:
    op, tensors = _rescaled(quant(0.5, 1), quant(0.5, 2))
    io = Operands((tensors["x0"], tensors["x1"]), (tensors["y"],))
    first, second = op.lower(io, profile("gemmlowp")).arithmetic
    np.testing.assert_array_equal(first, np.minimum(np.arange(256) + 1, 255))
    assert second is None
