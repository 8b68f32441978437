"""Cast: every type but float32 to every type."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops.cast import Cast
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.ops.movement import DTYPES, evaluate, tensor, values

NARROW = (DType.INT8, DType.UINT8)


def _cast(offset: int = 0) -> Cast:
    return Cast(inputs=("x",), outputs=("y",), offset=offset)


def _case(x: DType, y: DType, offset: int = 0) -> Case:
    op = _cast(offset)
    tensors = {"x": tensor("x", (3, 7), x), "y": tensor("y", (3, 7), y)}
    edges = np.full((3, 7), x.max, x.numpy)
    edges[1:] = x.min
    return Case(op, tensors, [[values(x, (3, 7))], [edges]], "portable/cast")


def test_kernel_of_every_pair_and_offset() -> None:
    integers = [dtype for dtype in DTYPES if not dtype.is_float]
    cases = [_case(x, y) for x in integers for y in DTYPES]
    cases += [_case(DType.INT8, y, 128) for y in DTYPES]
    cases += [_case(x, DType.INT8, -128) for x in integers]
    check_layers(cases, PORTABLE)


@pytest.mark.parametrize("y", [DType.INT16, DType.BOOL, DType.FLOAT32, DType.INT64])
def test_an_offset_gives_the_numbers_of_uint8(y: DType) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    tensors = {"x": tensor("x", (256,)), "y": tensor("y", (256,), y)}
    (got,) = evaluate(_cast(128), tensors, [codes])
    np.testing.assert_array_equal(got, np.arange(256).astype(y.numpy))


def test_low_bits_stay() -> None:
    x = np.array([-129, 255, 65536 + 7, -(2**31), 2**31 - 1], np.int32)
    tensors = {"x": tensor("x", (5,), DType.INT32), "y": tensor("y", (5,), DType.INT8)}
    (got,) = evaluate(_cast(), tensors, [x])
    assert got.tolist() == [127, -1, 7, 0, -1]


@pytest.mark.parametrize(
    ("x", "y", "offset", "message"),
    [
        (DType.FLOAT32, DType.INT8, 0, "casts float32"),
        (DType.INT8, DType.INT32, 1, "offset 1"),
        (DType.INT32, DType.INT16, 128, "offset 128"),
    ],
)
def test_refusals(x: DType, y: DType, offset: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _cast(offset).check(Operands((tensor("x", (3,), x),), (tensor("y", (3,), y),)))
