from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.ir.graph import Tensor
from edgeq.ir.types import DType
from edgeq.ops.arg_max import ArgMax
from tests.kernel_harness import check_layer, one_op_graph
from tests.ops.elementwise_cases import coded, evaluate
from tests.ops.window_cases import NAMES, litert, result

TYPES = (DType.INT8, DType.UINT8, DType.INT32, DType.FLOAT32)
OUT = {DType.INT32: "INT32", DType.INT64: "INT64"}


def tensor(shape: tuple[int, ...], dtype: DType) -> Tensor:
    return coded("x", shape, dtype) if dtype.is_quantized else Tensor("x", shape, dtype)


def crowded(rng: np.random.Generator, x: Tensor) -> np.ndarray:
    """Return values with many equal largest ones."""
    return rng.integers(0, 3, x.shape).astype(x.dtype.numpy)


@pytest.mark.parametrize("out", OUT)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_equals_litert_and_generated_c(axis, dtype, out):
    rng = np.random.default_rng(axis)
    x = tensor((3, 5, 7), dtype)
    op = ArgMax(**NAMES, axis=axis)
    y = result(op, x, out)
    axes = Tensor("axis", (1,), DType.INT32, data=np.array([axis], np.int32))
    array = crowded(rng, x)
    want = litert("ARG_MAX", (x, axes, y), array, ArgMaxOptions={"output_type": OUT[out]})
    np.testing.assert_array_equal(evaluate(op, (x, y), [array]), want, strict=True)
    last = axis == 2 and dtype.bytes == 1
    kernel = "portable/arg_max_8" if last else "portable/arg_max"
    check_layer(op, {"x": x, "y": y}, [(array,)], kernel=kernel)


@pytest.mark.parametrize("dtype", TYPES)
def test_the_smallest_equals_litert_and_generated_c(dtype):
    for axis in (0, 2):
        x = tensor((3, 5, 7), dtype)
        op = ArgMax(**NAMES, axis=axis, smallest=True)
        y = result(op, x, DType.INT32)
        axes = Tensor("axis", (1,), DType.INT32, data=np.array([axis], np.int32))
        array = crowded(np.random.default_rng(axis), x)
        want = litert("ARG_MIN", (x, axes, y), array, ArgMinOptions={"output_type": "INT32"})
        np.testing.assert_array_equal(evaluate(op, (x, y), [array]), want, strict=True)
    check_layer(op, {"x": x, "y": y}, [(array,)], kernel="portable/arg_max")


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 15, 16, 17, 33, 300])
def test_generated_c_of_codes(length, dtype):
    rng = np.random.default_rng(length)
    x = tensor((4, length), dtype)
    op = ArgMax(**NAMES, axis=1)
    edges = [np.full(x.shape, end) for end in (dtype.min, dtype.max)]
    wide = rng.integers(dtype.min, dtype.max + 1, x.shape)
    runs = [(array.astype(dtype.numpy),) for array in (*edges, wide, crowded(rng, x))]
    tensors = {"x": x, "y": result(op, x, DType.INT64)}
    check_layer(op, tensors, runs, kernel="portable/arg_max_8")


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=20))
def test_first_of_the_largest(codes):
    op = ArgMax(**NAMES, axis=0)
    x = coded("x", (len(codes),))
    got = evaluate(op, (x, result(op, x, DType.INT32)), [np.array(codes, np.int8)])
    assert got.item() == codes.index(max(codes))


@pytest.mark.parametrize(
    ("axis", "dtype", "out"),
    [(2, DType.INT8, DType.INT32), (0, DType.INT64, DType.INT32), (0, DType.INT8, DType.INT8)],
)
def test_refuses(axis, dtype, out):
    x = tensor((2, 3), dtype)
    op = ArgMax(**NAMES, axis=axis)
    with pytest.raises(ModelError):
        one_op_graph(op, {"x": x, "y": Tensor("y", (3,), out)})
